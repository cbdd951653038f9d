"""Tests of what is shown, and when."""
