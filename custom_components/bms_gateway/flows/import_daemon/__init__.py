"""Import of the daemon's bms_config.toml."""
