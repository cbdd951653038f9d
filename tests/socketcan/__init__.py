"""Tests on real SocketCAN links: run by scripts/test inside a kernel that has CAN."""
