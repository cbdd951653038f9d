"""Tests of current shares."""
