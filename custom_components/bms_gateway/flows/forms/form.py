"""Forms as voluptuous schemas: made of tables, shown, read, and merged for storing.

Home Assistant fills in suggested values and folds sections. This adds translated errors,
all at once and where its frontend shows them. See docs/decisions/0023-forms.md.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import voluptuous as vol

from homeassistant.data_entry_flow import FlowHandler, FlowResult, section
from homeassistant.helpers.selector import Selector

from .fields import Number, RequiredChoice, Text

if TYPE_CHECKING:
    import probatio

type UserInput = dict[str, Any] | None
"""The input of a form; None while it is to be shown."""
type Fields = Mapping[str, Selector[Any] | Mapping[str, Selector[Any]]]
"""The fields of a form by key; fields in a mapping of their own are a section."""
type Form = probatio.Schema
"""Home Assistant serves probatio under the name voluptuous; mypy sees the latter."""

SECTION_RARE: Final = "advanced"
SECTION_MQTT: Final = "mqtt"


class Field(NamedTuple):
    """A field of a form."""

    marker: vol.Marker
    selector: Selector[Any]
    section: str | None

    @property
    def key(self) -> str:
        """Return the key of its value."""
        return str(self.marker)

    def error(self, value: Any) -> str | None:
        """Return the translation key of the error of an invalid value; None: no value."""
        selector = self.selector
        if value is None:
            is_missing = isinstance(selector, RequiredChoice)
            return f"missing_{self.key}" if is_missing else None
        if not isinstance(selector, Number | Text) or selector.is_valid(value):
            return None
        return selector.error or f"invalid_{self.key}"


def make_form(fields: Fields, defaults: Mapping[str, Any]) -> Form:
    """Return a form; a field whose default is None may stay empty."""
    markers = {
        _marker(key, each, defaults): section(
            make_form(each, defaults), {"collapsed": True}
        )
        if isinstance(each, Mapping)
        else each
        for key, each in fields.items()
    }
    return cast("probatio.Schema", vol.Schema(markers))


def fields_of(form: Form, inside: str | None = None) -> Iterator[Field]:
    """Yield the fields of a form, and of its sections."""
    for marker, each in form.schema.items():
        if isinstance(each, section):
            yield from fields_of(each.schema, str(marker))
        else:
            yield Field(marker, each, inside)


def read(
    form: Form, user_input: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the input without sections, and the errors in it."""
    values: dict[str, Any] = {}
    for key, entered in user_input.items():
        values |= entered if isinstance(form.schema[key], section) else {key: entered}
    return values, errors_of(form, values)


def errors_of(form: Form, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the errors of values.

    An invalid field inside a section is reported at the section: Home Assistant's
    frontend shows no error inside one.
    """
    return {
        field.section or field.key: error
        for field in fields_of(form)
        if (error := field.error(values.get(field.key)))
    }


def show_form[ResultT: FlowResult[Any, Any]](
    flow: FlowHandler[Any, ResultT, Any],
    step: str,
    form: Form,
    values: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
    placeholders: Mapping[str, str] | None = None,
) -> ResultT:
    """Show a form filled with values; a section with an error is expanded."""
    errors = errors or {}
    opened = expanded(form, errors)
    sections = {field.section: values for field in fields_of(form) if field.section}
    return flow.async_show_form(
        step_id=step,
        data_schema=flow.add_suggested_values_to_schema(opened, {**values, **sections}),
        errors=dict(errors),
        description_placeholders=placeholders,
    )


def expanded(form: Form, names: Collection[str]) -> Form:
    """Return a form with some of its sections expanded."""
    opened = {
        marker: section(each.schema, {"collapsed": False})
        if str(marker) in names and isinstance(each, section)
        else each
        for marker, each in form.schema.items()
    }
    return cast("probatio.Schema", vol.Schema(opened))


def merge(
    form: Form, stored: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `stored` with the form's input: a field left empty is removed."""
    own = {field.key for field in fields_of(form)}
    return {k: v for k, v in stored.items() if k not in own} | dict(values)


def _marker(key: str, field: object, defaults: Mapping[str, Any]) -> vol.Marker:
    if isinstance(field, RequiredChoice):
        return vol.Optional(key)
    if key not in defaults:
        return vol.Required(key)
    if defaults[key] is None:
        return vol.Optional(key)
    return vol.Required(key, default=defaults[key])
