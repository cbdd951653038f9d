"""The dialect by which one battery is read: the chosen one, or what its frames show."""

from typing import Final

from ..model import Dialect, Frame
from ..protocol import NO_MARKS, RecognisedDialect, contradicts, marks_after, recognise

CONTRADICTED_AFTER: Final = 60.0
"""Seconds for which a battery has to show another dialect than the chosen one."""


class DialectInUse:
    """Recognises a battery's dialect, and notices what contradicts the chosen one."""

    def __init__(self, chosen: Dialect | None) -> None:
        """Begin without a frame; `chosen`: by the user. None: as the frames show it."""
        self._chosen = chosen
        self._marks = NO_MARKS
        self._seen_at = 0.0
        self._contradicted_since: float | None = None

    def configure(self, chosen: Dialect | None) -> bool:
        """Take over the user's choice; return whether it is another one."""
        if chosen is self._chosen:
            return False
        self._chosen, self._contradicted_since = chosen, None
        return True

    def on_frame(self, frame: Frame) -> RecognisedDialect:
        """Take a frame of the battery, and return the dialect to read it by."""
        self._marks = marks_after(self._marks, frame)
        return self.at(frame.at)

    def at(self, now: float) -> RecognisedDialect:
        """Return the dialect to read by at `now`."""
        self._seen_at = now
        heard, chosen = recognise(self._marks, now), self._chosen
        if chosen is None:
            return heard
        if not (heard.settled and contradicts(chosen, heard.dialect)):
            self._contradicted_since = None
        elif self._contradicted_since is None:
            self._contradicted_since = now
        return RecognisedDialect(chosen, settled=True)

    def contradicting(self, now: float) -> Dialect | None:
        """Return the dialect that it shows in spite of the chosen one, for a while now."""
        since = self._contradicted_since
        if since is None or now < since + CONTRADICTED_AFTER:
            return None
        return recognise(self._marks, self._seen_at).dialect
