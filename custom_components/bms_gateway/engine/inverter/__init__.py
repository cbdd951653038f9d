"""One inverter: what it may be sent, when, and what it was sent."""
