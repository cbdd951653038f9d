"""One module for each inverter: how it reads frames, and what it believes then."""
