"""What inverters are sent: one table of frames for each profile."""
