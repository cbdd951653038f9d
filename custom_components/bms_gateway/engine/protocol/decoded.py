"""The values of one decoded frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..model import RejectedValue
from .alarms.pairs import PairChange
from .number import Value


@dataclass(frozen=True, slots=True)
class Decoded:
    """The values of one frame.

    `values` are keyed by attribute of `Readings`, plus `candidate_ah` (see
    `agreed_capacity`), `remaining_count` (see `agreed_remaining`), `identity_ah` (see
    `Plausibility`), the halves of texts (see `joined`), and `firmware` and
    `cell_…_number`, which stand in for a version and for cells' ids. An attribute that is missing was not in the frame; None: sent as unknown,
    or not plausible.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    pairs: PairChange | None = None
    """The changes of 0x35A, for `Pairs.after`."""
    rejected: tuple[RejectedValue, ...] = ()
    """Values outside their window; they are None among `values`."""

    @property
    def invalid(self) -> bool:
        """Return whether a value was outside its window."""
        return bool(self.rejected)

    @property
    def is_empty(self) -> bool:
        """Return whether the frame held nothing, not even an "unknown"."""
        pairs = self.pairs
        has_pairs = pairs and (pairs.raised or pairs.cleared or pairs.zero)
        return not (self.values or has_pairs)


NOTHING: Final = Decoded()
