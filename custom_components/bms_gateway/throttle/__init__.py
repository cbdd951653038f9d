"""When entities and MQTT show a value: availability, pace, and what cannot wait."""
