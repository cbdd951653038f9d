"""Tests of energy totals and the energy dashboard."""
