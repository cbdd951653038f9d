"""Many batteries as one: combined values, state of charge, energy and forecast."""
