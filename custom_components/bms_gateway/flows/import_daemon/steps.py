"""Imports the daemon's bms_config.toml: reads it, and asks for what it lacks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

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
    port_key,
    taken_ports,
)
from ...const import DOMAIN
from ...engine.config import DEFAULT_BITRATE, Interface
from ..connections import async_find_connections
from ..forms import Form, UserInput, errors_of, read
from ..new_gateway import NewGateway
from ..schemas import (
    CONF_BACKUP,
    CONF_REPORTED,
    CONF_STRATEGY,
    DEVICE_FORMS,
    OPTIONS_FORM,
    WITH_GRID,
    Reported,
    daemon_import_form,
)
from ..texts import async_propose_name, async_texts
from .builder import Device, ImportedGateway, Links, build_gateway
from .document import MAX_SIZE
from .notices import Notice, NoticeKind
from .schema import Part
from .texts import Texts, compare, describe, list_notices

_FORMS: Final[Mapping[Part, tuple[Form, str]]] = {
    Part.GATEWAY: (OPTIONS_FORM, "options"),
    Part.BATTERY: (DEVICE_FORMS[Part.BATTERY], "config"),
    Part.INVERTER: (DEVICE_FORMS[Part.INVERTER], "config"),
}
"""The forms that check values of the file, and the step whose error texts they use."""


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
        self._links: Mapping[str, Mapping[str, Any]] = {}
        """The stored data of each CAN link of this machine, by its name."""
        self._imported = ImportedGateway(options={}, devices=(), notices=())

    async def async_read(self, file_id: str) -> str:
        """Read an uploaded file; return its problems as text, empty without any."""
        self._imported = await self._async_build(file_id)
        texts = await _async_texts(self.hass)
        return list_notices("import_correct", self._imported.problems, texts)

    async def async_review(self, user_input: UserInput) -> NewGateway | Review:
        """Return the gateway once all questions are answered, until then the form."""
        form = daemon_import_form(several=len(self._imported.of(Part.INVERTER)) > 1)
        names = await self._async_names()
        if user_input is None:
            errors: dict[str, str] = {}
            values = {
                CONF_NAME: await async_propose_name(self.hass, "gateway"),
                CONF_REPORTED: self._proposed_report.value,
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
                "found": describe(self._imported, names, texts),
                "figures": compare(self._imported, names, texts),
                "notes": list_notices("import_notes", self._imported.notes, texts),
            },
        }

    def _new_gateway(
        self, names: Sequence[str], chosen: Mapping[str, Any]
    ) -> NewGateway:
        devices = zip(self._imported.devices, names, strict=True)
        backup = {} if chosen[CONF_BACKUP] else WITH_GRID
        return NewGateway(
            name=chosen[CONF_NAME],
            options={
                **self._imported.options,
                CONF_STRATEGY: chosen[CONF_STRATEGY],
                **backup,
            },
            devices=[self._subentry(each, name, chosen) for each, name in devices],
        )

    async def _async_build(self, file_id: str) -> ImportedGateway:
        run = self.hass.async_add_executor_job
        content = await run(_read, self.hass, file_id)
        if content is None:
            lost = Notice(kind=NoticeKind.LOST)
            return ImportedGateway(options={}, devices=(), notices=(lost,))
        found = await async_find_connections(self.hass, await async_texts(self.hass))
        self._links = {
            each.port[CONF_CHANNEL]: each.port
            for each in found
            if each.port[CONF_INTERFACE] == Interface.SOCKETCAN
        }
        return await run(build_gateway, content, _check, self._owned_links())

    def _owned_links(self) -> Links:
        """Return the CAN links by name; one is known by its adapter if it is there."""
        taken = taken_ports(self.hass)
        owners = {
            name: taken[key]
            for name, port in self._links.items()
            if (key := port_key(port)) in taken
        }
        owners |= {
            name: owner
            for (interface, name), owner in taken.items()
            if interface is Interface.SOCKETCAN
        }
        return Links(
            present=frozenset(self._links),
            owners={
                name: f"{owner.device} ({owner.gateway})"
                for name, owner in owners.items()
            },
        )

    async def _async_names(self) -> list[str]:
        """Return the names from the file, or names that distinguish the devices."""
        return [
            device.name or await async_propose_name(self.hass, device.part, number)
            for part in (Part.BATTERY, Part.INVERTER)
            for number, device in enumerate(self._imported.of(part), start=1)
        ]

    @property
    def _proposed_report(self) -> Reported:
        """Return what I-SCALING requires, unless it was never changed.

        If an inverter is sent its part of the limit and the current of the whole bank,
        it takes the limit to be exceeded, and throttles.
        """
        inverters = self._imported.of(Part.INVERTER)
        unchanged = all(each.values["current_factor"] == 1 for each in inverters)
        return Reported.SHARE if unchanged else Reported.FILE

    def _subentry(
        self, device: Device, name: str, chosen: Mapping[str, Any]
    ) -> ConfigSubentryData:
        port = self._links.get(
            device.channel,
            {
                CONF_INTERFACE: Interface.SOCKETCAN.value,
                CONF_CHANNEL: device.channel,
            },
        )
        data = {
            **device.values,
            **port,
            CONF_BITRATE: DEFAULT_BITRATE,
            CONF_BRING_UP: chosen[CONF_BRING_UP],
        }
        if chosen.get(CONF_REPORTED) == Reported.SHARE:
            data.pop("current_factor", None)
        return ConfigSubentryData(
            data=data, subentry_type=device.part.value, title=name, unique_id=None
        )


async def _async_texts(hass: HomeAssistant) -> Texts:
    """Return the texts including those of the forms' errors, by their keys."""
    texts = dict(await async_texts(hass))
    for place in {place for _, place in _FORMS.values()}:
        found = await async_get_translations(
            hass, hass.config.language, place, (DOMAIN,)
        )
        texts |= {
            key.removeprefix(f"component.{DOMAIN}."): text
            for key, text in found.items()
        }
    return texts


def _read(hass: HomeAssistant, file_id: str) -> bytes | None:
    """Return the uploaded content, up to the size limit; None if it is gone."""
    try:
        with process_uploaded_file(hass, file_id) as path, path.open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except OSError, ValueError:  # cleared away, or from before a restart
        return None


def _check(part: Part, name: str, value: Any) -> str | None:
    form, place = _FORMS[part]
    errors = errors_of(form, {name: value})
    return next((f"{place}.error.{error}" for error in errors.values()), None)
