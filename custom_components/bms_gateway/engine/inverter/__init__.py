"""One inverter: what it may be sent, when, and what was sent to it."""
