"""Tests of CAN links."""
