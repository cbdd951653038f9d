"""Tests of inverters that exceed their limits."""
