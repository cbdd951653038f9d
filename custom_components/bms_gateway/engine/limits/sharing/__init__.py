"""How parallel batteries share the current, and what bank current that allows."""
