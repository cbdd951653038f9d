"""Scan of a port for the set-up form: listen, and send nothing unless requested."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
import logging
import time
from typing import Final

from ..can.port import Port
from ..config import PortConfig
from ..model import Clock, Frame, PortState, PortStatus
from ..topology.comparison import Comparison
from .classify import ScanResult
from .link_setup import acknowledge, acknowledge_after_cancel, bring_up_listen_only
from .listener import Listener, Tap

LISTEN_TIME: Final = 6.0
"""Seconds in which every value of any battery is received; most send all in 1 or 2 s,
and a battery without a name needs 5 s until its dialect is settled."""
SETTLE_TIME: Final = 2.0
"""Seconds to continue once the sender is identified: other devices are received by
then, too."""
LISTEN_ONLY_TIME: Final = 1.0
"""Seconds without even acknowledging, on a link that we bring up: with a wrong bitrate
we would disturb a bus in operation."""

OPEN_TIME: Final = 2.0
"""Seconds in which other ports open for a comparison; a serial one takes half."""


async def listen(
    config: PortConfig,
    *,
    seconds: float = LISTEN_TIME,
    settle: float = SETTLE_TIME,
    on_change: Callable[[ScanResult], None] = lambda _: None,
    poll: bool = False,
    comparison: Comparison | None = None,
    clock: Clock = time.monotonic,
) -> ScanResult:
    """Open a port that is not in use, listen for some seconds, and close it.

    `on_change` is called whenever the result changes. Nothing is sent, but frames are
    acknowledged, as a lone battery needs; with `poll`, one 0x305 is sent, which makes
    some batteries send. A link that is down is set up if `bring_up` allows it, and then
    listened to without acknowledging first. Ends early when the port is lost, and
    `settle` seconds after the sender is identified, also for `comparison`, which takes
    all received frames; raises nothing.
    """
    loop = asyncio.get_running_loop()
    bring_up = loop.run_in_executor(None, bring_up_listen_only, config)
    try:
        listen_only = await asyncio.shield(bring_up)
    except asyncio.CancelledError:
        bring_up.add_done_callback(acknowledge_after_cancel)
        raise
    if isinstance(listen_only, ScanResult):
        return listen_only
    if listen_only is not None:
        try:
            await Listener(on_change, settle, clock).listen(
                config, LISTEN_ONLY_TIME, poll=False
            )
        finally:
            # Also when the form is closed: such a link would never acknowledge
            fault = await loop.run_in_executor(None, acknowledge, listen_only)
        if fault is not None:
            return fault
        seconds -= LISTEN_ONLY_TIME
    listener = Listener(on_change, settle, clock, comparison)
    return await listener.listen(config, seconds, poll=poll)


async def listen_in(
    tap: Tap,
    *,
    seconds: float = LISTEN_TIME,
    settle: float = SETTLE_TIME,
    on_change: Callable[[ScanResult], None] = lambda _: None,
    comparison: Comparison | None = None,
    clock: Clock = time.monotonic,
) -> ScanResult:
    """Listen to a port that a gateway uses, as `listen` does.

    `tap`: such as `partial(gateway.tap, battery_id)`.
    """
    listener = Listener(on_change, settle, clock, comparison)
    return await listener.listen_in(tap, seconds)


@asynccontextmanager
async def listen_on_others(
    ports: Mapping[str, PortConfig],
    on_frame: Callable[[str, Frame], None],
    clock: Clock = time.monotonic,
) -> AsyncIterator[None]:
    """Listen to other ports, by any ids, while one port is scanned; none is in use.

    Nothing is sent. One that cannot be opened is left out after at most OPEN_TIME.
    """
    opened = [asyncio.Event() for _ in ports]
    running = [
        asyncio.create_task(
            Port(
                config,
                on_frame=partial(on_frame, key),
                on_echo=lambda _: None,
                on_change=partial(_note, event),
                clock=clock,
                loss_level=logging.DEBUG,  # its own scan reports it
            ).run(),
            name="comparison",
        )
        for (key, config), event in zip(ports.items(), opened, strict=True)
    ]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_TIME):
                await asyncio.gather(*(event.wait() for event in opened))
        yield
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _note(event: asyncio.Event, state: PortState) -> None:
    """Set the event once a port is open, or cannot be opened."""
    if state.status in {PortStatus.OPEN, PortStatus.LOST}:
        event.set()
