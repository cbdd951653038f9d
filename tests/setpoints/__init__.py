"""Tests of setpoints."""
