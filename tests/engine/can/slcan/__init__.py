"""Tests of serial adapters."""
