"""Imports the daemon's bms_config.toml: reads it, and asks for what it lacks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ...config_entry import (
    CONF_BITRATE,
    CONF_BRING_UP,
    CONF_CHANNEL,
    CONF_INTERFACE,
    PortOwner,
    taken_ports,
)
from ...const import DOMAIN, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from ...engine.config import DEFAULT_BITRATE, Interface
from ..forms.form import Form, UserInput, read
from ..forms.schemas import (
    CONF_BACKUP,
    CONF_REPORTED,
    CONF_STRATEGY,
    WITH_GRID,
    Reported,
    daemon_import_form,
)
from ..new_gateway import NewGateway
from ..ports.connections import Connection, async_find_connections
from ..texts import Texts, async_propose_gateway_name, async_propose_name, async_texts
from .file import MAX_SIZE, Value
from .gateway import Device, ImportedGateway, Notice, build_gateway
from .review import describe, describe_change, list_notices


class Review(TypedDict):
    """What `show_form` shows of the review."""

    form: Form
    values: dict[str, Any]
    errors: dict[str, str]
    placeholders: dict[str, str]


class DaemonImport:
    """An import in progress: the config flow asks it what to show and to create."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without a file."""
        self.hass = hass
        self._gateway = ImportedGateway()
        self._links: Mapping[str, Connection] = {}
        """The CAN links of this machine, by their names."""

    async def async_read(self, file_id: str) -> str:
        """Read an uploaded file; return its problems as text, empty without any."""
        found = await async_find_connections(self.hass, await async_texts(self.hass))
        self._links = {
            each.port[CONF_CHANNEL]: each
            for each in found
            if each.port[CONF_INTERFACE] == Interface.SOCKETCAN
        }
        taken = taken_ports(self.hass)
        owners = {channel: owner for (_, channel), owner in taken.items()}
        for name, link in self._links.items():  # known by its adapter if that is there
            if owner := link.owner(taken):
                owners[name] = owner
        self._gateway = await self.hass.async_add_executor_job(
            _build, self.hass, file_id, self._links.keys(), owners
        )
        texts = await _async_texts(self.hass)
        return list_notices("import_correct", self._gateway.problems, texts)

    async def async_review(self, user_input: UserInput) -> NewGateway | Review:
        """Return the gateway once all questions are answered, until then the form."""
        form = daemon_import_form(several=len(self._gateway.of(SUBENTRY_INVERTER)) > 1)
        names = await self._async_names()
        errors: dict[str, str] = {}
        if user_input is None:
            values = {
                CONF_NAME: await async_propose_gateway_name(self.hass, "gateway"),
                CONF_REPORTED: self._proposed_report,
            }
        else:
            values, errors = read(form, user_input)
            if not errors:
                return self._new_gateway(names, values)
        texts = await _async_texts(self.hass)
        return {
            "form": form,
            "values": values,
            "errors": errors,
            "placeholders": {
                "found": describe(self._gateway, names, texts),
                "changed": describe_change(self._gateway, texts),
                "notes": list_notices("import_notes", self._gateway.notes, texts),
            },
        }

    def _new_gateway(
        self, names: Sequence[str], chosen: Mapping[str, Any]
    ) -> NewGateway:
        backup = {} if chosen[CONF_BACKUP] else WITH_GRID
        devices = zip(self._gateway.devices, names, strict=True)
        return NewGateway(
            name=chosen[CONF_NAME],
            options={
                **self._gateway.options,
                CONF_STRATEGY: chosen[CONF_STRATEGY],
                **backup,
            },
            devices=[self._subentry(each, name, chosen) for each, name in devices],
        )

    async def _async_names(self) -> list[str]:
        """Return the names from the file, or names that distinguish the devices."""
        return [
            device.name or await async_propose_name(self.hass, kind, number)
            for kind in (SUBENTRY_BATTERY, SUBENTRY_INVERTER)
            for number, device in enumerate(self._gateway.of(kind), start=1)
        ]

    @property
    def _proposed_report(self) -> Reported:
        """Return what I-SCALING requires, unless it was never changed.

        If an inverter is sent its part of the limit and the current of the whole bank,
        it takes the limit to be exceeded, and throttles.
        """
        inverters = self._gateway.of(SUBENTRY_INVERTER)
        unchanged = all(each.values["current_factor"] == 1 for each in inverters)
        return Reported.SHARE if unchanged else Reported.FILE

    def _subentry(
        self, device: Device, name: str, chosen: Mapping[str, Any]
    ) -> ConfigSubentryData:
        link = self._links.get(device.values[CONF_CHANNEL])
        data = {
            CONF_INTERFACE: Interface.SOCKETCAN.value,
            **device.values,
            **(link.port if link else {}),
            CONF_BITRATE: DEFAULT_BITRATE,
            CONF_BRING_UP: chosen[CONF_BRING_UP],
        }
        if chosen.get(CONF_REPORTED) == Reported.SHARE:
            data.pop("current_factor", None)
        return ConfigSubentryData(
            data=data, subentry_type=device.kind, title=name, unique_id=None
        )


def _build(
    hass: HomeAssistant,
    file_id: str,
    present: Collection[str],
    owners: Mapping[str, PortOwner],
) -> ImportedGateway:
    """Return the gateway of an uploaded file; it reads no more than the size limit."""
    try:
        with process_uploaded_file(hass, file_id) as path, path.open("rb") as file:
            content = file.read(MAX_SIZE + 1)
    except OSError, ValueError:  # cleared away, or from before a restart
        return ImportedGateway(problems=[Notice("lost", Value(""))])
    return build_gateway(content, present, owners)


async def _async_texts(hass: HomeAssistant) -> Texts:
    """Return the texts including those of the forms' errors, by their keys."""
    texts = dict(await async_texts(hass))
    for flow in ("config", "options"):
        found = await async_get_translations(
            hass, hass.config.language, flow, (DOMAIN,)
        )
        prefix = f"component.{DOMAIN}."
        texts |= {key.removeprefix(prefix): text for key, text in found.items()}
    return texts
