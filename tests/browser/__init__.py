"""The demo as a new user meets it: Home Assistant in a real browser."""
