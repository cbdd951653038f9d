"""Tests of combined values."""
