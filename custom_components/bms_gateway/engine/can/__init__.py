"""CAN links: opening them, reading and writing frames, and what serves a port."""
