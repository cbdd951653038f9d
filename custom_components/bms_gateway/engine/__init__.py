"""The gateway itself, free of Home Assistant: CAN in, one virtual battery, CAN out."""
