"""Tests of the BMS CAN gateway."""
