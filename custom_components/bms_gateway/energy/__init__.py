"""Energy of the bank and of each battery: counted, saved, shown."""
