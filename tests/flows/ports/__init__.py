"""Tests of the choice and the scan of a port."""
