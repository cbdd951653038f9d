"""The original daemon's configuration file, taken over."""
