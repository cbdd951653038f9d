"""Tests of one battery."""
