"""The values of one decoded frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..model import RejectedValue
from .number import Value
from .pairs import PairChange


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one frame told.

    `values` are by attribute of `Readings`, besides `candidate_ah` (see
    `agreed_capacity`), `identity_ah` (see `Plausibility`) and the halves of texts (see
    `joined`). An attribute that is
    not there was not told; None: told as unknown, or not to be believed.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    pairs: PairChange | None = None
    """What 0x35A changed, for `Pairs.after`."""
    refused: tuple[RejectedValue, ...] = ()
    """The values outside their window; they are None among `values`."""

    @property
    def invalid(self) -> bool:
        """Return whether a value was outside its window."""
        return bool(self.refused)

    @property
    def is_empty(self) -> bool:
        """Return whether the frame told nothing, not even that something is unknown."""
        pairs = self.pairs
        said = pairs and (pairs.raised or pairs.cleared or pairs.zero)
        return not (self.values or said)


NOTHING: Final = Decoded()
