"""Tests of timing of a battery."""
