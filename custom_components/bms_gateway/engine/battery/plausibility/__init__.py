"""Which of a battery's values are believed, and when."""
