"""Network interfaces of CAN: finding them, their state, and setting them up."""
