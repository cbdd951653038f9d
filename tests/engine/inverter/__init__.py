"""Tests of one inverter."""
