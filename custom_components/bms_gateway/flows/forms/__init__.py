"""Forms: fields with their ranges, the tables of all forms, and how they are read."""
