"""Coming from the original daemon: its bms_config.toml becomes a gateway."""
