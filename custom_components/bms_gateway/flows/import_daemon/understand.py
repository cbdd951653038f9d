"""Builds a gateway from a bms_config.toml, with findings about its problems."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ...engine.config import SendMode
from .blocks import Block, Value, blocks_of
from .contract import BMSES_IN, BMSES_OUT, Part, Table
from .document import Document, NotText, TooLarge, Unreadable, read
from .remarks import About, Remark

type Refuse = Callable[[Part, str, Any], str | None]
"""Returns the error key with which the forms reject a value, if they do."""

HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
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
class Understood:
    """A gateway as the file describes it; not to be used while there are problems."""

    options: Mapping[str, Any]
    devices: tuple[Device, ...]
    remarks: tuple[Remark, ...]
    """From the first line to the last."""

    @property
    def problems(self) -> list[Remark]:
        """Return the findings that have to be fixed first."""
        return [remark for remark in self.remarks if remark.prevents]

    @property
    def notes(self) -> list[Remark]:
        """Return the findings for information."""
        return [remark for remark in self.remarks if not remark.prevents]

    def of(self, part: Part) -> list[Device]:
        """Return the batteries or the inverters."""
        return [device for device in self.devices if device.part is part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The CAN links of this machine, by their names."""

    present: frozenset[str] = frozenset()
    owners: Mapping[str, str] = MappingProxyType({})
    """The owners of links that are taken."""


def understand(content: bytes, refuse: Refuse, links: Links) -> Understood:
    """Return the gateway of a file, and the findings about it on this machine."""
    try:
        document = read(content)
    except TooLarge:
        remark = Remark(about=About.TOO_LARGE)
    except NotText as error:
        remark = Remark(about=About.NOT_UTF8, line=error.line)
    except Unreadable as error:
        remark = Remark(about=About.NO_TOML, line=error.line, detail=error.problem)
    else:
        if document.values:
            return _Builder(document, refuse, links).understood()
        remark = Remark(about=About.EMPTY)
    return Understood(options={}, devices=(), remarks=(remark,))


class _Builder:
    """Builds a gateway from the blocks of a document."""

    def __init__(self, document: Document, refuse: Refuse, links: Links) -> None:
        self._blocks, self._remarked = blocks_of(document)
        self._remarks: list[Remark] = []
        self._refuse = refuse
        self._links = links
        self._named: dict[str, Value] = {}

    def understood(self) -> Understood:
        """Return the gateway and all findings."""
        options: dict[str, Any] = {}
        devices: list[Device] = []
        for block in self._blocks:
            self._note(block)
            if block.table.part is Part.GATEWAY:
                options |= self._stored(block)
            else:
                devices.append(self._device(block))
        self._note_absent_tables(BMSES_IN, About.NO_BATTERY)
        self._note_absent_tables(BMSES_OUT, About.NO_INVERTER)
        self._note_absent_links()
        remarks = (*self._remarks, *self._remarked)
        return Understood(
            options=options,
            devices=tuple(devices),
            remarks=tuple(sorted(remarks, key=lambda remark: remark.line or 0)),
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
                self._remarks.append(value.remark(About.ZERO))
            elif error := self._refuse(block.table.part, key.becomes, value.value):
                self._remarks.append(value.remark(About.REFUSED, detail=error))
        return stored

    def _check_link(self, link: Value) -> None:
        """Check that each CAN link has one device, here and in other gateways."""
        if owner := self._links.owners.get(link.value):
            self._remarks.append(link.remark(About.LINK_TAKEN, detail=owner))
        first = self._named.setdefault(link.value, link)
        if first is not link:
            line = str(first.line)
            self._remarks.append(link.remark(About.LINK_TWICE, detail=line))

    def _note(self, block: Block) -> None:
        """Add findings for information about valid values."""
        activated = block.values.get("GATEWAY-ACTIVATED")
        if activated is not None and not activated.value:
            self._remarks.append(activated.remark(About.NOT_ACTIVATED))
        broker = block.values.get("BROKER")
        if broker is not None and block.get("ACTIVATED") and broker.value not in HERE:
            self._remarks.append(broker.remark(About.BROKER))

    def _note_absent_tables(self, table: Table, about: About) -> None:
        """Add a finding for a missing table, unless it has a problem of its own."""
        problems = {(r.about, r.detail) for r in self._remarked}
        misspelt = {(About.MISSPELT, table.head), (About.NO_TABLE, table.head)}
        if all(b.table is not table for b in self._blocks) and not problems & misspelt:
            self._remarks.append(Remark(about=about))

    def _note_absent_links(self) -> None:
        """Add findings for CAN links that do not exist; they may appear later."""
        absent = [name for name in self._named if name not in self._links.present]
        if absent:
            self._remarks.append(Remark(about=About.NO_LINK, value=", ".join(absent)))


def _is_idle(block: Block, name: str) -> bool:
    """Return whether the daemon does not use a value."""
    replies = block.get("SEND-SYNC-ACTIVATED") is True
    if name == "SYNC-INTERVAL":
        return not replies
    if name == "PUSH-MIN-DELAY":
        return replies or block.get(name) == 0  # none, like our minimum send interval
    return False
