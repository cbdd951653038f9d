"""Compliance: whether inverters keep the limits that they were sent."""
