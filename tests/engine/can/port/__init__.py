"""Tests of a port, over python-can's virtual interface."""
