"""Tests of lost and silent batteries."""
