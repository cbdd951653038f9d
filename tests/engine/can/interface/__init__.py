"""Tests of CAN interfaces."""
