"""Tests of plausibility."""
