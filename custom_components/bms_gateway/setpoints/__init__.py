"""Setpoints and temporary limits: who may set them, and how they are stored."""
