"""The fields of forms: Home Assistant's selectors, with what is valid in them."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, override

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)


class Text(TextSelector):
    """A text; spaces around it do not count."""

    error: str | None = None

    def __init__(self, is_valid: Callable[[str], bool] = lambda _: True) -> None:
        """Accept what `is_valid`."""
        super().__init__()
        self.is_valid = is_valid

    @override
    def __call__(self, data: Any) -> str:
        """Return the text as it is stored."""
        return str(super().__call__(data)).strip()


class Number(NumberSelector):
    """A number from `lowest` to `highest`.

    `error`: needed where fields of other forms in the same flow have the same key.
    """

    def __init__(
        self, unit: str, lowest: float, highest: float, error: str | None = None
    ) -> None:
        """Show a box with the unit, if there is one."""
        # Without min and max: the selector would reject input in English, with a text
        # of its own
        config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step="any")
        if unit:
            config["unit_of_measurement"] = unit
        super().__init__(config)
        self._lowest, self._highest = lowest, highest
        self.error = error

    def is_valid(self, value: float) -> bool:
        """Return whether a number is in the range; NaN never is."""
        return self._lowest <= value <= self._highest


class RequiredChoice(SelectSelector):
    """A choice whose texts stand under `key`, which the user has to make.

    Not by `vol.Required`: the frontend would fill it with the first option.
    """

    def __init__(self, key: str, options: Iterable[StrEnum]) -> None:
        """Show a list that is empty at first."""
        super().__init__(_choice_config(key, options))


def choice(key: str, options: Iterable[StrEnum]) -> SelectSelector:
    """Return a choice whose texts stand under `key`."""
    return SelectSelector(_choice_config(key, options))


def optional_choice(key: str, options: Iterable[StrEnum]) -> SelectSelector:
    """Return a choice whose texts stand under `key`, which the user may clear again.

    The frontend shows a few options as radio buttons unless a mode is given, and no
    click clears those.
    """
    config = _choice_config(key, options)
    config["mode"] = SelectSelectorMode.DROPDOWN
    return SelectSelector(config)


def voltage_choice(volts: Iterable[int]) -> SelectSelector:
    """Return a choice of voltages in V; their labels are the same in every language."""
    options = [SelectOptionDict(value=str(each), label=f"{each} V") for each in volts]
    return SelectSelector(
        SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
    )


def listed(labels: Mapping[str, str]) -> SelectSelector:
    """Return a choice of values by their labels, each with a line of its own."""
    options = [
        SelectOptionDict(value=value, label=label) for value, label in labels.items()
    ]
    return SelectSelector(
        SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
    )


def current_sensor() -> EntitySelector:
    """Return a choice of the sensors that measure a current."""
    config = EntitySelectorConfig(
        filter={"domain": "sensor", "device_class": SensorDeviceClass.CURRENT}
    )
    return EntitySelector(config)


def _choice_config(key: str, options: Iterable[StrEnum]) -> SelectSelectorConfig:
    return SelectSelectorConfig(
        options=[option.value for option in options], translation_key=key
    )
