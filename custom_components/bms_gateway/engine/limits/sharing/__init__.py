"""How parallel batteries share the current, and what that allows the bank."""
