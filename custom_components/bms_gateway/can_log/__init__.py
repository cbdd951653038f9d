"""Recording and replaying CAN traffic."""
