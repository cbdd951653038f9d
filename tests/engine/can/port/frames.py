"""Frames that a port or another node on its channel sends."""

import can

from custom_components.bms_gateway.engine.model import Frame

from ...ports import other_node

LIMITS = Frame(0x351, bytes(range(8)))


def stamped(timestamp: float, can_id: int = 0x351) -> can.Message:
    """Return an empty frame with a time stamp of the bus."""
    return can.Message(timestamp=timestamp, arbitration_id=can_id, is_extended_id=False)


def wake_port(channel: str) -> None:
    """Send a frame, so that a failed bus is read."""
    with other_node(channel) as node:
        node.send(can.Message())
