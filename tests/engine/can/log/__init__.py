"""Tests of CAN logs."""
