"""Tests of entity descriptions."""
