"""A second opinion on the gateway: what must hold whatever happens."""
