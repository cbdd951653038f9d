"""Tests of the bus topology."""
