"""The sensors of each kind of device, as tables."""
