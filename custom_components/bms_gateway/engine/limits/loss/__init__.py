"""A lost or silent battery: what it means for the limits of the others."""
