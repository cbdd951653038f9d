"""Which ports are on one bus, and which battery is received twice."""
