"""Recognises a battery's nominal voltage by its charge voltage limit and its voltage."""

from collections.abc import Mapping
from typing import Any, Final

from ...model.nominal_voltage import (
    STANDARD,
    NominalVoltage,
    nominal_of,
    nominal_or_standard,
)

REPORTS: Final = 3
"""Reports in a row, of the limit and of the voltage, that have to fit one nominal
voltage: neither a false sample nor a value that a BMS sends while it starts shows it."""
_BOTH: Final = ("charge_voltage_limit", "voltage")


class Recognition:
    """The nominal voltage of one battery; once recognised it stays for the run."""

    def __init__(self, configured: int | None) -> None:
        """Begin without a report; `configured`: V, as the user set it."""
        self.configured = configured
        self._recognised: NominalVoltage | None = None
        self._reported: dict[str, float] = {}
        self._candidate: NominalVoltage | None = None
        self._found: set[int] = set()
        self._since = 0.0
        self._counts: dict[str, int] = {}

    def take(self, values: Mapping[str, Any], at: float) -> None:
        """Take the values of one frame, as decoded; None is no report."""
        for name in _BOTH:
            if values.get(name) is not None:
                self._take(name, values[name], at)

    def remember(self, other: Recognition) -> None:
        """Take over what another port recognised: it is the same battery."""
        self._recognised = other._recognised

    @property
    def apparent(self) -> int | None:
        """V; what the latest limit and voltage fit, whatever was recognised."""
        return None if self._candidate is None else self._candidate.volts

    @property
    def nominal(self) -> int | None:
        """V; as configured or recognised.

        Both voltages of a 48 V battery count at once, so it is one at once, too, unless
        it is ambiguous. None: not known yet.
        """
        if self.configured is not None:
            return self.configured
        if self._recognised is not None:
            return self._recognised.volts
        is_standard = self.apparent == STANDARD and not self.is_ambiguous
        return STANDARD if is_standard else None

    @property
    def row(self) -> NominalVoltage:
        """The nominal voltage by which values are accepted now."""
        return nominal_or_standard(self.nominal)

    @property
    def is_ambiguous(self) -> bool:
        """Whether several nominal voltages fitted and none is recognised.

        Two batteries on one bus look like this, or one that is starting: no voltage
        counts, not even one that fits 48 V.
        """
        is_open = self.configured is None and self._recognised is None
        return is_open and len(self._found) > 1

    @property
    def is_pending(self) -> bool:
        """Whether values that do not fit 48 V may yet prove right.

        Until another nominal voltage is recognised they neither count nor are rejected.
        """
        if self.configured is not None or self._recognised is not None:
            return False
        incomplete = len(self._reported) < len(_BOTH)
        is_other = self.apparent not in (None, STANDARD)
        return incomplete or is_other or self.is_ambiguous

    def _take(self, name: str, volts: float, at: float) -> None:
        self._reported[name] = volts
        found = nominal_of(*map(self._reported.get, _BOTH))
        if found is not self._candidate:
            self._candidate, self._since = found, at
            self._counts = dict.fromkeys(_BOTH, 0)
        if found is None or self._recognised is not None:
            return
        self._found.add(found.volts)
        self._counts[name] += 1
        if (
            min(self._counts.values()) >= REPORTS
            and at >= self._since + found.confirm_time
        ):
            self._recognised = found
