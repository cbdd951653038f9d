"""Plausibility: the values of a battery that are accepted, and when."""
