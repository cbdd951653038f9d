"""Builds the entry data of a gateway from a bms_config.toml, with notices by line."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import voluptuous as vol

from ...config_entry import CONF_MAKE, PortOwner
from ...const import SUBENTRY_BATTERY, SUBENTRY_INVERTER
from ...engine.presets import Make
from .file import Section, Unreadable, Value, read
from .keys import KEYS, KINDS, LIMITS, SCHEMAS, normal

INFORMATION: Final = frozenset(
    {"not_activated", "unknown", "broker", "no_link", "assumed"}
)
"""The kinds of notices that do not block the setup."""
LOCAL_BROKERS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Brokers that may well be the one that Home Assistant uses."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about a value or a section, or about all of the file."""

    kind: str
    """The end of its text's key."""
    about: Value
    detail: str = ""
    """What the text refers to; for `refused` the key of the form's error text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A battery or an inverter; `values` have the stored names."""

    kind: str
    name: str
    """Empty if the file gives none."""
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedGateway:
    """A gateway as the file describes it; not to be used while there are problems."""

    options: dict[str, Any] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    """The batteries, then the inverters."""
    problems: list[Notice] = field(default_factory=list)
    """What has to be fixed first, in the order of the lines."""
    notes: list[Notice] = field(default_factory=list)
    """What a user should know, in the order of the lines."""

    def of(self, kind: str) -> list[Device]:
        """Return the batteries or the inverters."""
        return [device for device in self.devices if device.kind == kind]


def build_gateway(
    content: bytes, present: Collection[str], owners: Mapping[str, PortOwner]
) -> ImportedGateway:
    """Return the gateway of a file, and the notices about it on this machine.

    `present`: the names of its CAN links; `owners`: the owners of those in use.
    """
    builder = _Builder(present, owners)
    try:
        builder.add_all(read(content))
    except Unreadable as error:
        builder.note(error.kind, Value("", line=error.line), error.detail)
    built = builder.built
    built.devices.sort(key=lambda device: device.kind)  # batteries first
    for notices in built.problems, built.notes:
        notices.sort(key=lambda notice: notice.about.line or 0)
    return built


class _Builder:
    """Goes through the sections once and collects notices."""

    def __init__(
        self, present: Collection[str], owners: Mapping[str, PortOwner]
    ) -> None:
        self._present = present
        self._owners = owners
        self._used: dict[str, Value] = {}
        self.built = ImportedGateway()

    def add_all(self, sections: Sequence[Section]) -> None:
        once = [head for head in KEYS if head not in KINDS]
        heads = {normal(head): head for head in KEYS}
        for section in sections:
            about = Value(section.head, line=section.line)
            head = heads.get(normal(section.head))
            if head is None:
                self._note_unknown(about, KEYS)
            elif head in KINDS or head in once:
                once = [each for each in once if each != head]
                self._add(head, section)
            else:
                self.note("twice", about)
        for head in once:
            self._add(head, Section())
        if not self.built.of(SUBENTRY_BATTERY) and not self.built.problems:
            self.note("no_battery", Value(""))

    def _add(self, head: str, section: Section) -> None:
        """Add a section to the options or to the devices."""
        values = self._named(head, section.values)
        if head == "[[bmses-out]]":
            _drop_unused(values)
        checked = self._checked(head, section, values)
        becomes = {str(key): key.description for key in KEYS[head] if key.description}
        stored = {becomes[key]: checked[key] for key in becomes if key in checked}
        self._note_assumed(head, section, values, checked)
        if checked.get("GATEWAY-ACTIVATED") is False:
            default = Value("GATEWAY-ACTIVATED", value=False)
            self.note("not_activated", values.get(default.key, default))
        broker = checked.get("BROKER") if checked.get("ACTIVATED") else None
        if broker and broker not in LOCAL_BROKERS:
            self.note("broker", values["BROKER"])
        if kind := KINDS.get(head):
            if kind == SUBENTRY_INVERTER:
                stored[CONF_MAKE] = Make.OTHER_PYLONTECH.value
            name = " ".join(checked.get("DESCRIPTION", "").split())
            self.built.devices.append(Device(kind=kind, name=name, values=stored))
            self._check_link(values.get("CAN-IF"), stored.get("channel"))
        else:
            self.built.options.update(stored)

    def _named(self, head: str, values: Iterable[Value]) -> dict[str, Value]:
        """Return the values by the names of their keys; a misspelt key counts."""
        names = {str(key) for key in KEYS[head]}
        named: dict[str, Value] = {}
        unknown: list[Value] = []
        for each in values:
            if (name := normal(each.key)) not in names:
                unknown.append(each)
            elif named.setdefault(name, each) is not each:
                self.note("twice", each)
        for each in unknown:
            # A table in braces stands among the keys above all headers
            missing = names - named.keys() | (set() if head else KEYS.keys())
            meant = self._note_unknown(each, missing)
            if meant in names:
                named[meant] = each
        return named

    def _checked(
        self, head: str, section: Section, values: Mapping[str, Value]
    ) -> dict[str, Any]:
        """Return the values with the daemon's defaults; nothing if any is invalid."""
        try:
            raw = {name: each.value for name, each in values.items()}
            return dict(SCHEMAS[head](raw))
        except vol.MultipleInvalid as invalid:
            for error in invalid.errors:
                name = str(error.path[0])
                value = values.get(name, Value(name, line=section.line))
                if ".error." in error.msg:
                    self.note("refused", value, error.msg)
                else:
                    self.note(error.msg, value, head)
            return {}

    def _note_assumed(
        self,
        head: str,
        section: Section,
        values: Mapping[str, Value],
        checked: Mapping[str, Any],
    ) -> None:
        """Note the limits that the file leaves to the daemon's generous default.

        It is the same for both directions of a section.
        """
        limits = sorted(key for key in checked if key.startswith(LIMITS))
        if missing := [key for key in limits if key not in values]:
            keys, default = ", ".join(missing), checked[missing[0]]
            self.note("assumed", Value(keys, default, line=section.line), head)

    def _check_link(self, link: Value | None, name: str | None) -> None:
        """Check that a CAN link has one device, here and in other gateways."""
        if link is None or name is None:
            return
        first = self._used.setdefault(name, link)
        if owner := self._owners.get(name):
            self.note("link_taken", link, f"{owner.device} ({owner.gateway})")
        elif first is not link:
            self.note("link_twice", link, str(first.line))
        elif name not in self._present:
            self.note("no_link", link)  # it may appear later

    def _note_unknown(self, about: Value, known: Iterable[str]) -> str | None:
        """Add a notice about an unknown key or section; return what is probably meant.

        If it was meant to be one that is missing, a limit or a battery would be lost.
        """
        names = {normal(name): name for name in known}
        near = get_close_matches(normal(about.key), names, n=1)
        meant = names[near[0]] if near else None
        self.note("misspelt" if meant else "unknown", about, meant or "")
        return meant

    def note(self, kind: str, about: Value, detail: str = "") -> None:
        """Add a notice about a value."""
        notices = self.built.notes if kind in INFORMATION else self.built.problems
        notices.append(Notice(kind, about, detail))


def _drop_unused(values: dict[str, Value]) -> None:
    """Remove what the daemon does not use of an inverter: the delay, or the prompts."""
    replies = values.get("SEND-SYNC-ACTIVATED")
    delay = values.get("PUSH-MIN-DELAY")
    if replies and replies.value is True:
        values.setdefault("SYNC-INTERVAL", Value("SYNC-INTERVAL", 5.0))
        values.pop("PUSH-MIN-DELAY", None)
        return
    values.pop("SYNC-INTERVAL", None)
    if delay and delay.value == 0 and delay.value is not False:
        # None, like our minimum send interval
        del values["PUSH-MIN-DELAY"]
