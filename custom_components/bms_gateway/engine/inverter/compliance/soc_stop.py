"""Sends 0 or 100 % state of charge to an inverter that ignores a limit of 0 A."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from ...config import InverterConfig
from ...model import Direction, Disobedience, Telegram

ZERO_LIMIT_TIME: Final = 60.0
"""Seconds for which 0 A has to be sent before the state of charge is replaced."""
_SOC: Final = {Direction.DISCHARGE: 0.0, Direction.CHARGE: 100.0}
"""% that stops a direction; the first applies where both have to stop: an empty battery
is damaged sooner than a full one."""


class SocStop:
    """Sends inverters with this option a state of charge at which they stop.

    It begins where an inverter disobeys 0 A, and ends only when its limit is above 0 A
    again or the option is switched off: ended as soon as the inverter complies, it
    would begin again.
    """

    def __init__(self) -> None:
        """Create it with no inverter stopped."""
        self._zero_since: dict[tuple[str, Direction], float] = {}
        self._stopped: set[tuple[str, Direction]] = set()

    def keep_only(self, inverter_ids: Collection[str]) -> None:
        """Forget inverters that are no longer configured."""
        self._zero_since = {
            key: at for key, at in self._zero_since.items() if key[0] in inverter_ids
        }
        self._stopped = {key for key in self._stopped if key[0] in inverter_ids}

    def apply(
        self,
        inverter: InverterConfig,
        telegram: Telegram,
        disobeys: Mapping[Direction, Disobedience],
        now: float,
    ) -> Telegram:
        """Return the telegram to send in place of `telegram`.

        `disobeys`: the directions in which the inverter disobeys. Where it may be
        another inverter as well, each of them has to be sent 0 A and to have the option
        on.
        """
        for direction in Direction:
            key = inverter.id, direction
            if not inverter.stop_by_soc or telegram.permits(direction):
                self._zero_since.pop(key, None)
                self._stopped.discard(key)
                continue
            self._zero_since.setdefault(key, now)
            if (found := disobeys.get(direction)) and all(
                now >= self._zero_since.get((each, direction), inf) + ZERO_LIMIT_TIME
                for each in found.inverters
            ):
                self._stopped.add(key)
        for direction, soc in _SOC.items():
            if (inverter.id, direction) in self._stopped:
                return replace(telegram, soc=soc)
        return telegram
