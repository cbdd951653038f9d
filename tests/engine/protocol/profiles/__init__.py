"""Tests of what inverters are sent, profile by profile."""
