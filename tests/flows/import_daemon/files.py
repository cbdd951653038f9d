"""A bms_config.toml of a house with two batteries and two inverters, and changes to it.

Written for the tests by the daemon's schema: the keys of its tables with hyphens, one
of them with an underscore, comments as in the file the daemon ships.
"""

from typing import Final

FILE: Final = """\
# Configuration of bms_gateway
GATEWAY-ACTIVATED = true

[mqtt]
ACTIVATED = true
TOPIC = "tele/bms/state"
BROKER = "localhost"
PORT = 1883
INTERVAL = 5.0

[battery]
# All batteries together
I-LIM-CHARGE = 250.0
I_LIM_DISCHARGE = 400
I-TOT-SCALING = 1.02
I-TOT-OFFSET = -0.5

[[bmses-out]]
CAN-IF = "can_out_1"
DESCRIPTION = "Inverter left"
I-LIM-CHARGE = 190.0
I-LIM-DISCHARGE = 200.0
I-SCALING = 0.5
I-OFFSET = 0.25
PUSH-MIN-DELAY = 0.5
SEND-SYNC-ACTIVATED = false
SYNC-INTERVAL = 5.0

[[bmses-out]]
CAN-IF = "can_out_2"
DESCRIPTION = "Inverter right"
I-LIM-CHARGE = 120.0
I-LIM-DISCHARGE = 100.0
I-SCALING = 0.5
I-OFFSET = 0.0
PUSH-MIN-DELAY = 0.0
SEND-SYNC-ACTIVATED = true
SYNC-INTERVAL = 4.0

[[bmses-in]]
CAN-IF = "can_in_1"
DESCRIPTION = "Rack left"
CAPACITY-AH = 1400.0

[[bmses-in]]
CAN-IF = "can_in_2"
DESCRIPTION = "Rack right"
CAPACITY-AH = 280.0
POLL-INTERVAL = 2.0
"""


def line_of(text: str, part: str, number: int = 1) -> int:
    """Return the line with the n-th occurrence of a text."""
    places = [place for place, line in enumerate(text.split("\n"), 1) if part in line]
    return places[number - 1]


def changed(old: str, new: str, number: int = 1) -> str:
    """Return the file with the n-th occurrence of a text replaced."""
    parts = FILE.split(old)
    assert len(parts) > number, old
    return old.join(parts[:number]) + new + old.join(parts[number:])
