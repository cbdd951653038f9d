"""Repair issues: what raises them, and what they show."""
