"""The port of a battery or inverter: which there are, the choice, and the scan."""
