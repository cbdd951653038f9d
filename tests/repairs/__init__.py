"""Tests of repairs with a dialog, and of repairs of a running gateway."""
