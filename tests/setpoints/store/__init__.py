"""Tests of the setpoint store."""
