"""One battery: from its frames to its status, readings and limits."""
