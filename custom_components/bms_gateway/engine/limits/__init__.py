"""The bank's limits: every rule that lowers a current or a voltage limit."""
