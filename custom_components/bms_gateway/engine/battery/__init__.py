"""One battery: from its frames to its state and its limits."""
