"""A form of a flow: its questions, what is wrong with answers, what is stored."""

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
    """One question of a form; a bad answer is an error, by default `invalid_<key>`."""

    key: str
    selector: Selector[Any]
    clean: Callable[[Any], Any] = lambda typed: typed
    """From what was typed to what is stored."""
    show: Callable[[Any], Any] = lambda stored: stored
    """From what is stored to what the selector takes."""
    valid: Callable[[Any], bool] = lambda _: True
    own_error: str | None = None
    """Where fields of other forms in the same flow bear the same key."""

    @property
    def error(self) -> str:
        """Return the key of the text about a bad answer."""
        return self.own_error or f"invalid_{self.key}"

    def marker(
        self, defaults: Mapping[str, Any], values: Mapping[str, Any]
    ) -> vol.Marker:
        """Return its schema key; a field whose default is None may stay empty."""
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
    """The fields of one step; those of a section are folded up at first."""

    fields: tuple[Field, ...]
    rare: tuple[Field, ...] = ()
    mqtt: tuple[Field, ...] = ()
    defaults: Mapping[str, Any]

    @property
    def sections(self) -> dict[str, tuple[Field, ...]]:
        """Return the fields of each section that the step has."""
        sections = {SECTION_RARE: self.rare, SECTION_MQTT: self.mqtt}
        return {name: inside for name, inside in sections.items() if inside}

    def read(self, typed: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what would be stored of what was typed, right or wrong, flat."""
        if typed is None:
            return {}
        flat = dict(typed)
        for name in self.sections:
            flat |= typed.get(name, {})
        return {
            field.key: field.clean(flat[field.key])
            for field in self._all
            if field.key in flat
        }

    def error_of(self, key: str, value: Any) -> str | None:
        """Return what is wrong with the answer to one question, if anything."""
        asked = (field for field in self._all if field.key == key)
        return next((each.error for each in asked if not each.valid(value)), None)

    def errors(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong with what `read` returned.

        A wrong field of a section is told at that: Home Assistant's frontend shows
        no error inside a section.
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
        """Return the schema filled with `values`; a section with an error is open."""
        shown: dict[vol.Marker, Any] = self._questions(self.fields, values)
        for name, inside in self.sections.items():
            shown[vol.Required(name)] = section(
                _schema(self._questions(inside, values)),
                {"collapsed": name not in errors},
            )
        return _schema(shown)

    def merge(
        self, stored: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return `stored` with the form's answers: a field left empty is removed."""
        asked = {field.key for field in self._all}
        return {k: v for k, v in stored.items() if k not in asked} | dict(values)

    @property
    def _all(self) -> tuple[Field, ...]:
        return (*self.fields, *self.rare, *self.mqtt)

    def _questions(
        self, asked: Iterable[Field], values: Mapping[str, Any]
    ) -> dict[vol.Marker, Any]:
        return {field.marker(self.defaults, values): field.selector for field in asked}


def _schema(questions: dict[vol.Marker, Any]) -> probatio.Schema:
    # Home Assistant serves probatio under the name voluptuous; mypy sees the latter
    return cast("probatio.Schema", vol.Schema(questions))
