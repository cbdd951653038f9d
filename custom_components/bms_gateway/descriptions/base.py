"""The kinds of sensors that are no quantity: times, counts, states, flags, alarms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Any, Final

from homeassistant.components.binary_sensor import BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.helpers.typing import StateType

from ..engine.model import Alarm
from ..entity import BmsEntityDescription, EntityContext


@dataclass(frozen=True, kw_only=True)
class BmsSensorDescription[S](BmsEntityDescription[S], SensorEntityDescription):
    """A sensor and how it comes by its value."""


@dataclass(frozen=True, kw_only=True)
class BmsBinarySensorDescription[S](
    BmsEntityDescription[S], BinarySensorEntityDescription
):
    """A binary sensor and how it comes by its value; None is unknown."""


type Value[S] = Callable[[S], StateType]

_MINUTES: Final = ((3600.0, 5), (36_000.0, 15), (inf, 60))
"""Seconds below which a duration is shown in steps of this many minutes."""


def duration[S](
    key: str, seconds_fn: Callable[[S], float | None], **more: Any
) -> BmsSensorDescription[S]:
    """Describe how long something takes from now on, as coarsely as is honest."""

    def minutes(subject: S) -> float | None:
        seconds = seconds_fn(subject)
        if seconds is None:
            return None
        step = next(step for below, step in _MINUTES if seconds < below)
        return round(seconds / 60 / step) * step

    return BmsSensorDescription(
        key=key,
        value_fn=minutes,
        device_class=SensorDeviceClass.DURATION,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        **more,
    )


def seconds[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe how often something comes."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.DURATION,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=1,
        **more,
    )


def moment[S](
    key: str, at_fn: Callable[[S], float | None], **more: Any
) -> BmsSensorDescription[S]:
    """Describe when something was last; of the gateway's clock, shown as a date.

    For diagnosis and off by default: it changes with every telegram.
    """
    return BmsSensorDescription(
        key=key,
        value_fn=at_fn,
        always=True,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        **more,
    )


def number[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe how many of something there are now."""
    return BmsSensorDescription(
        key=key, value_fn=value_fn, state_class=SensorStateClass.MEASUREMENT, **more
    )


def counter[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe a count that only grows; for diagnosis, so off by default."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        **more,
    )


def choice[S](
    key: str, value_fn: Value[S], options: type[StrEnum], **more: Any
) -> BmsSensorDescription[S]:
    """Describe one of several states."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.ENUM,
        options=list(map(str, options)),
        **more,
    )


def flag[S](
    key: str, value_fn: Callable[[S], bool | None], **more: Any
) -> BmsBinarySensorDescription[S]:
    """Describe what is so or not."""
    return BmsBinarySensorDescription(key=key, value_fn=value_fn, **more)


def connection[S](
    key: str, value_fn: Callable[[S], bool | None], **more: Any
) -> BmsBinarySensorDescription[S]:
    """Describe a connection, which has a state also when there is none."""
    return BmsBinarySensorDescription(
        key=key,
        value_fn=value_fn,
        always=True,
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        **more,
    )


def alarms[S](
    key: str, alarms_fn: Callable[[S], frozenset[Alarm] | None], **more: Any
) -> BmsBinarySensorDescription[S]:
    """Describe a set of alarms: a problem if there are any, unknown if that is."""

    def is_any(subject: S) -> bool | None:
        raised = alarms_fn(subject)
        return None if raised is None else bool(raised)

    def names(subject: S, _: EntityContext) -> Mapping[str, Any]:
        raised = alarms_fn(subject)
        return {} if raised is None else {"alarms": sorted(map(str, raised))}

    return BmsBinarySensorDescription(
        key=key,
        value_fn=is_any,
        attributes_fn=names,
        device_class=BinarySensorDeviceClass.PROBLEM,
        **more,
    )
