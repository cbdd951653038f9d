"""Import of the daemon's configuration file."""
