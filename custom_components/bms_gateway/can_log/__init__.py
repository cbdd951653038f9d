"""Recording CAN traffic."""
