"""A form of a flow: its fields, the errors of the input, the data to store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import voluptuous as vol

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import Selector

if TYPE_CHECKING:
    import probatio

SECTION_RARE: Final = "advanced"
SECTION_MQTT: Final = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form; invalid input is an error, by default `invalid_<key>`."""

    key: str
    selector: Selector[Any]
    clean: Callable[[Any], Any] = lambda entered: entered
    """Converts input to the stored value."""
    show: Callable[[Any], Any] = lambda stored: stored
    """Converts the stored value to the selector's."""
    valid: Callable[[Any], bool] = lambda _: True
    own_error: str | None = None
    """Needed where fields of other forms in the same flow have the same key."""

    @property
    def error(self) -> str:
        """Return the translation key of the error."""
        return self.own_error or f"invalid_{self.key}"

    def marker(
        self, defaults: Mapping[str, Any], values: Mapping[str, Any]
    ) -> vol.Marker:
        """Return the schema key; a field whose default is None may stay empty."""
        description = None
        if self.key in values:
            description = {"suggested_value": self.show(values[self.key])}
        default = defaults.get(self.key, MISSING)
        if default is MISSING:
            return vol.Required(self.key, description=description)
        if default is None:
            return vol.Optional(self.key, description=description)
        shown = self.show(default)
        return vol.Required(self.key, default=shown, description=description)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of one step; sections are collapsed at first."""

    fields: tuple[Field, ...]
    rare: tuple[Field, ...] = ()
    mqtt: tuple[Field, ...] = ()
    defaults: Mapping[str, Any]

    @property
    def sections(self) -> dict[str, tuple[Field, ...]]:
        """Return the fields of each section of the step."""
        sections = {SECTION_RARE: self.rare, SECTION_MQTT: self.mqtt}
        return {name: inside for name, inside in sections.items() if inside}

    def read(self, user_input: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the input as it would be stored, valid or not, without sections."""
        if user_input is None:
            return {}
        flat = dict(user_input)
        for name in self.sections:
            flat |= user_input.get(name, {})
        return {
            field.key: field.clean(flat[field.key])
            for field in self._all
            if field.key in flat
        }

    def error_of(self, key: str, value: Any) -> str | None:
        """Return the error of one field, if any."""
        fields = (field for field in self._all if field.key == key)
        return next((each.error for each in fields if not each.valid(value)), None)

    def errors(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the errors of what `read` returned.

        An invalid field inside a section is reported at the section: Home Assistant's
        frontend shows no error inside one.
        """
        places = {
            field.key: name
            for name, inside in self.sections.items()
            for field in inside
        }
        return {
            places.get(field.key, field.key): field.error
            for field in self._all
            if field.key in values and not field.valid(values[field.key])
        }

    def schema(
        self, values: Mapping[str, Any], errors: Iterable[str] = ()
    ) -> probatio.Schema:
        """Return the schema filled with `values`; sections with errors are expanded."""
        shown: dict[vol.Marker, Any] = self._selectors(self.fields, values)
        for name, inside in self.sections.items():
            shown[vol.Required(name)] = section(
                _schema(self._selectors(inside, values)),
                {"collapsed": name not in errors},
            )
        return _schema(shown)

    def merge(
        self, stored: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return `stored` with the form's input: a field left empty is removed."""
        own = {field.key for field in self._all}
        return {k: v for k, v in stored.items() if k not in own} | dict(values)

    @property
    def _all(self) -> tuple[Field, ...]:
        return (*self.fields, *self.rare, *self.mqtt)

    def _selectors(
        self, fields: Iterable[Field], values: Mapping[str, Any]
    ) -> dict[vol.Marker, Any]:
        return {field.marker(self.defaults, values): field.selector for field in fields}


def _schema(markers: dict[vol.Marker, Any]) -> probatio.Schema:
    # Home Assistant serves probatio under the name voluptuous; mypy sees the latter
    return cast("probatio.Schema", vol.Schema(markers))
