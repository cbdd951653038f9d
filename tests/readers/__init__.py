"""Readers of the inverters people own, held against what the gateway sends."""
