"""Frames that a port or another node on its channel sends."""

import can

from custom_components.bms_gateway.engine.model import Frame

from ...ports import other_node

LIMITS = Frame(0x351, bytes(range(8)))


def _stamped(timestamp: float, can_id: int = 0x351) -> can.Message:
    return can.Message(timestamp=timestamp, arbitration_id=can_id, is_extended_id=False)


def _wake(channel: str) -> None:
    """Send a frame, so that a failed bus is read."""
    with other_node(channel) as node:
        node.send(can.Message())
