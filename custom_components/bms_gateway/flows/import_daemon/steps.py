"""The steps that take over the original daemon's bms_config.toml."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigFlowResult, ConfigSubentryData
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
from ..device import DeviceSteps
from ..forms import Form
from ..port import Typed, async_texts
from ..schemas import (
    CONF_BACKUP,
    CONF_FILE,
    CONF_REPORTED,
    CONF_STRATEGY,
    DEVICE_FORMS,
    OPTIONS_FORM,
    UPLOAD_FORM,
    WITH_GRID,
    Reported,
    daemon_import_form,
)
from .contract import Part
from .document import LARGEST
from .remarks import About, Remark
from .understand import Device, Links, Understood, understand
from .words import Texts, compare, describe, list_remarks

_FORMS: Final[Mapping[Part, tuple[Form, str]]] = {
    Part.GATEWAY: (OPTIONS_FORM, "options"),
    Part.BATTERY: (DEVICE_FORMS[Part.BATTERY], "config"),
    Part.INVERTER: (DEVICE_FORMS[Part.INVERTER], "config"),
}
"""The forms that judge what the file says, and where their errors have their texts."""


class DaemonImportSteps(DeviceSteps[ConfigFlowResult]):
    """Leads from the file to `async_take_over`."""

    _links: Mapping[str, Mapping[str, Any]]
    """What is stored of each CAN link that is there, by its name."""
    _understood: Understood

    async def async_take_over(
        self,
        name: str,
        options: Mapping[str, Any],
        devices: list[ConfigSubentryData],
    ) -> ConfigFlowResult:
        """Take what the user agreed to."""
        raise NotImplementedError

    async def async_step_import_daemon(
        self, user_input: Typed = None
    ) -> ConfigFlowResult:
        """Ask for the file, until it can be taken over."""
        problems = ""
        if user_input is not None:
            self._understood = await self._async_understand(user_input[CONF_FILE])
            if not self._understood.problems:
                return await self.async_step_import_review()
            texts = await _async_texts(self.hass)
            problems = list_remarks("import_correct", self._understood.problems, texts)
        return self.async_show_form(
            step_id="import_daemon",
            data_schema=UPLOAD_FORM.schema({}),
            errors={CONF_FILE: "invalid_file"} if problems else {},
            description_placeholders={"problems": problems},
        )

    async def async_step_import_review(
        self, user_input: Typed = None
    ) -> ConfigFlowResult:
        """Show what was understood, and ask what the file does not say."""
        form = daemon_import_form(several=len(self._understood.of(Part.INVERTER)) > 1)
        values = form.read(user_input)
        errors = form.errors(values)
        names = await self._async_names()
        if user_input is None:
            values[CONF_NAME] = await self.async_propose_name("gateway")
            values[CONF_REPORTED] = self._proposed_report
        elif not errors:
            return await self.async_take_over(
                values[CONF_NAME],
                {
                    **self._understood.options,
                    CONF_STRATEGY: values[CONF_STRATEGY],
                    **({} if values[CONF_BACKUP] else WITH_GRID),
                },
                [
                    self._subentry(device, name, values)
                    for device, name in zip(
                        self._understood.devices, names, strict=True
                    )
                ],
            )
        texts = await _async_texts(self.hass)
        return self.async_show_form(
            step_id="import_review",
            data_schema=form.schema(values),
            errors=errors,
            description_placeholders={
                "found": describe(self._understood, names, texts),
                "figures": compare(self._understood, names, texts),
                "notes": list_remarks("import_notes", self._understood.notes, texts),
            },
        )

    async def _async_understand(self, file_id: str) -> Understood:
        run = self.hass.async_add_executor_job
        content = await run(_read, self.hass, file_id)
        if content is None:
            lost = Remark(about=About.LOST)
            return Understood(options={}, devices=(), remarks=(lost,))
        found = await async_find_connections(self.hass, await async_texts(self.hass))
        self._links = {
            each.port[CONF_CHANNEL]: each.port
            for each in found
            if each.port[CONF_INTERFACE] == Interface.SOCKETCAN
        }
        return await run(understand, content, _refuse, self._owned_links())

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
        """Return what the file calls the devices, or names to tell them apart by."""
        return [
            device.name or await self.async_propose_name(device.part, number)
            for part in (Part.BATTERY, Part.INVERTER)
            for number, device in enumerate(self._understood.of(part), start=1)
        ]

    @property
    def _proposed_report(self) -> Reported:
        """What I-SCALING says, unless nobody ever changed it.

        Told its part of the limit and the current of the whole bank, an inverter
        would take the former to be exceeded, and throttle.
        """
        inverters = self._understood.of(Part.INVERTER)
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
    """Return the texts of the forms' errors, too, by where they stand."""
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
    """Return what was uploaded, as far as it is looked at; None if that is gone."""
    try:
        with process_uploaded_file(hass, file_id) as path, path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError, ValueError:  # cleared away, or from before a restart
        return None


def _refuse(part: Part, name: str, value: Any) -> str | None:
    form, place = _FORMS[part]
    error = form.error_of(name, value)
    return error and f"{place}.error.{error}"
