"""CAN logs: recording frames, keeping the last ones, and the candump format."""
