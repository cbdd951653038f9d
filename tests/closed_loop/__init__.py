"""The gateway in a closed loop with simulated banks: what the limits do, in figures."""
