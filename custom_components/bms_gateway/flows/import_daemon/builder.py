"""Builds a gateway from a bms_config.toml, with notices about its problems."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ...engine.config import SendMode
from .blocks import Block, Value, blocks_of
from .document import Document, NotText, TooLarge, Unreadable, read
from .notices import Notice, NoticeKind
from .schema import BMSES_IN, BMSES_OUT, Part, Table

type Check = Callable[[Part, str, Any], str | None]
"""Returns the error key with which the forms reject a value, if they do."""

LOCAL_BROKERS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Brokers that may well be the one that Home Assistant uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A battery or an inverter; `values` have the stored names."""

    part: Part
    name: str
    """Empty if the file gives none."""
    values: Mapping[str, Any]

    @property
    def channel(self) -> str:
        """Return the name of its CAN link."""
        return str(self.values["channel"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedGateway:
    """A gateway as the file describes it; not to be used while there are problems."""

    options: Mapping[str, Any]
    devices: tuple[Device, ...]
    notices: tuple[Notice, ...]
    """From the first line to the last."""

    @property
    def problems(self) -> list[Notice]:
        """Return the notices that have to be fixed first."""
        return [notice for notice in self.notices if notice.blocks_setup]

    @property
    def notes(self) -> list[Notice]:
        """Return the notices for information."""
        return [notice for notice in self.notices if not notice.blocks_setup]

    def of(self, part: Part) -> list[Device]:
        """Return the batteries or the inverters."""
        return [device for device in self.devices if device.part is part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The CAN links of this machine, by their names."""

    present: frozenset[str] = frozenset()
    owners: Mapping[str, str] = MappingProxyType({})
    """The owners of links that are taken."""


def build_gateway(content: bytes, check: Check, links: Links) -> ImportedGateway:
    """Return the gateway of a file, and the notices about it on this machine."""
    try:
        document = read(content)
    except TooLarge:
        notice = Notice(kind=NoticeKind.TOO_LARGE)
    except NotText as error:
        notice = Notice(kind=NoticeKind.NOT_UTF8, line=error.line)
    except Unreadable as error:
        notice = Notice(kind=NoticeKind.NO_TOML, line=error.line, detail=error.problem)
    else:
        if document.values:
            return _Builder(document, check, links).build()
        notice = Notice(kind=NoticeKind.EMPTY)
    return ImportedGateway(options={}, devices=(), notices=(notice,))


class _Builder:
    """Builds a gateway from the blocks of a document."""

    def __init__(self, document: Document, check: Check, links: Links) -> None:
        self._blocks, self._block_notices = blocks_of(document)
        self._notices: list[Notice] = []
        self._check = check
        self._links = links
        self._named: dict[str, Value] = {}

    def build(self) -> ImportedGateway:
        """Return the gateway and all notices."""
        options: dict[str, Any] = {}
        devices: list[Device] = []
        for block in self._blocks:
            self._note(block)
            if block.table.part is Part.GATEWAY:
                options |= self._stored(block)
            else:
                devices.append(self._device(block))
        self._note_absent_tables(BMSES_IN, NoticeKind.NO_BATTERY)
        self._note_absent_tables(BMSES_OUT, NoticeKind.NO_INVERTER)
        self._note_absent_links()
        notices = (*self._notices, *self._block_notices)
        return ImportedGateway(
            options=options,
            devices=tuple(devices),
            notices=tuple(sorted(notices, key=lambda notice: notice.line or 0)),
        )

    def _device(self, block: Block) -> Device:
        link = block.values.get("CAN-IF")
        if link is not None:
            self._check_link(link)
        stored = self._stored(block)
        if block.table is BMSES_OUT:
            replies = block.get("SEND-SYNC-ACTIVATED") is True
            stored["mode"] = (SendMode.REPLY if replies else SendMode.PUSH).value
        return Device(
            part=block.table.part,
            name=" ".join((block.get("DESCRIPTION") or "").split()),
            values=stored,
        )

    def _stored(self, block: Block) -> dict[str, Any]:
        """Return the usable values of a block, by the stored names."""
        stored: dict[str, Any] = {}
        for key in block.table.keys:
            value = block.values.get(key.name)
            if value is None or key.becomes is None or _is_idle(block, key.name):
                continue
            stored[key.becomes] = value.value
            if key.is_limit and value.value == 0:
                self._notices.append(value.notice(NoticeKind.ZERO))
            elif error := self._check(block.table.part, key.becomes, value.value):
                self._notices.append(value.notice(NoticeKind.REFUSED, detail=error))
        return stored

    def _check_link(self, link: Value) -> None:
        """Check that each CAN link has one device, here and in other gateways."""
        if owner := self._links.owners.get(link.value):
            self._notices.append(link.notice(NoticeKind.LINK_TAKEN, detail=owner))
        first = self._named.setdefault(link.value, link)
        if first is not link:
            line = str(first.line)
            self._notices.append(link.notice(NoticeKind.LINK_TWICE, detail=line))

    def _note(self, block: Block) -> None:
        """Add notices for information about valid values."""
        activated = block.values.get("GATEWAY-ACTIVATED")
        if activated is not None and not activated.value:
            self._notices.append(activated.notice(NoticeKind.NOT_ACTIVATED))
        broker = block.values.get("BROKER")
        if (
            broker is not None
            and block.get("ACTIVATED")
            and broker.value not in LOCAL_BROKERS
        ):
            self._notices.append(broker.notice(NoticeKind.BROKER))

    def _note_absent_tables(self, table: Table, kind: NoticeKind) -> None:
        """Add a notice for a missing table, unless it has a problem of its own."""
        problems = {(r.kind, r.detail) for r in self._block_notices}
        misspelt = {
            (NoticeKind.MISSPELT, table.head),
            (NoticeKind.NO_TABLE, table.head),
        }
        if all(b.table is not table for b in self._blocks) and not problems & misspelt:
            self._notices.append(Notice(kind=kind))

    def _note_absent_links(self) -> None:
        """Add notices for CAN links that do not exist; they may appear later."""
        absent = [name for name in self._named if name not in self._links.present]
        if absent:
            self._notices.append(
                Notice(kind=NoticeKind.NO_LINK, value=", ".join(absent))
            )


def _is_idle(block: Block, name: str) -> bool:
    """Return whether the daemon does not use a value."""
    replies = block.get("SEND-SYNC-ACTIVATED") is True
    if name == "SYNC-INTERVAL":
        return not replies
    if name == "PUSH-MIN-DELAY":
        return replies or block.get(name) == 0  # none, like our minimum send interval
    return False
