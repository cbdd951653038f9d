"""Each repair has its texts, with the placeholders that it fills."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
import json
from pathlib import Path
import string
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    GatewayConfig,
    Interface,
    PortConfig,
    Strategy,
)
from custom_components.bms_gateway.engine.model import (
    BatteryStatus,
    Dialect,
    Direction,
    Disobedience,
    Neighbour,
    PortFault,
    PortReason,
    PortState,
    PortStatus,
    Readings,
    RejectedValue,
    SeenMake,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.issues.conditions import VoltageDifference
from custom_components.bms_gateway.issues.context import Issue, IssueContext
from custom_components.bms_gateway.issues.detectors import find_issues
from custom_components.bms_gateway.setpoints.serialization import Change

from .detectors.contexts import (
    B1,
    B2,
    CONFIG,
    CONFIRMED,
    DAY,
    I1,
    OPEN,
    WELL,
    at_nominal_voltage,
    seen,
    set_to,
    with_b1,
    with_i1,
    with_port,
    with_status,
)

EVERYTHING = replace(
    seen(
        with_port(PortState(status=PortStatus.LOST)),
        batteries={
            "b1": replace(
                B1, status=BatteryStatus.LOST, carries_current_out_of_service=True
            ),
            "b2": replace(
                B2,
                status=BatteryStatus.LOST,
                odd_share=True,
                current_share=0.1,
                carries_current_out_of_service=True,
            ),
        },
        inverters={"i1": replace(I1, last_request_at=0.0)},
        excess={Direction.CHARGE: 5.0},
    ),
    confirmed=False,
    saved=False,
    energy_saved=False,
    unsteady=frozenset({"b1"}),
    requesting=frozenset({"b1"}),
    setpoints=AllSetpoints(bank=Setpoints(charge_current=0.0, discharge_current=0.0)),
    changes={
        (None, name): Change("Ann", -DAY)
        for name in ("charge_current", "discharge_current")
    },
    voltage_difference=VoltageDifference("b1", 53.0, "b2", 51.0),
    highest_limits=dict.fromkeys(Direction, 10.0),
)

REJECTED = (RejectedValue("charge_voltage_limit", 14.6, 40.0, 65.0),)
NOT_COUNTED: list[dict[str, Any]] = [
    {"rejected": REJECTED},
    {"rejected": REJECTED, "nominal": 48, "apparent_nominal": 12},
    {
        "readings": Readings(),
        "receiving_since": 0.0,
        "last_frame_at": WELL.snapshot.at,
    },
]
"""Batteries that send and do not count."""


def find_everything() -> Iterator[Issue]:
    """Yield at least one issue of each kind that is raised automatically."""
    changed = [
        EVERYTHING,
        seen(with_b1(nominal=24), status=Status.MIXED_VOLTAGES),
        replace(WELL, config=replace(CONFIG, strategy=Strategy.SUM)),
        with_b1(wrong_sign=True),
        replace(WELL, requesting=frozenset({"b1"})),
        with_status(BatteryStatus.WAITING),
        *(
            seen(with_b1(status=BatteryStatus.WAITING, **each), status=Status.BLOCKED)
            for each in NOT_COUNTED
        ),
        with_b1(status=BatteryStatus.LOST, inverter_detected=True),
        with_b1(
            duplicate_of="b2", has_duplicate_sender=True, missing=frozenset({0x359})
        ),
        with_b1(soc_jumped_at=WELL.snapshot.at),
        set_to(Dialect.VICTRON, with_b1(contradicting=Dialect.DEYE)),
        with_b1(modules_missing=1, modules_most=3),
        with_b1(gaps=7),
        with_i1(battery_detected=True),
        with_i1(shares_bus_with="b1", confirmed=CONFIRMED),
        at_nominal_voltage(24),
        with_i1(seen_makes=frozenset({SeenMake.VICTRON})),
        with_i1(seen_makes=frozenset(SeenMake), neighbours=frozenset(Neighbour)),
        with_b1(modules_most=5, modules_missing=2),
        *(
            with_i1(
                disobeys={
                    direction: Disobedience(
                        sent=0.0,
                        taken=20.0,
                        since=1.0,
                        inverters=frozenset(ids),
                        sensed=sensed,
                    )
                }
            )
            for direction in Direction
            for ids, sensed in ((["i1"], False), (["i1"], True), (["i1", "i2"], False))
        ),
        replace(
            WELL,
            signs_of_life={"i1": 0.0},
            config=replace(
                CONFIG,
                inverters=(replace(CONFIG.inverters[0], no_response_after=60.0),),
            ),
        ),
    ]
    ports = (
        PortConfig(Interface.SOCKETCAN, "can0"),
        PortConfig(Interface.SOCKETCAN, "can0", identity="usb:A", bring_up=True),
        PortConfig(Interface.SLCAN, "/dev/ttyACM0"),
    )
    lost = PortState(status=PortStatus.LOST)
    for port, state in (
        *((port, replace(lost, fault=f)) for port, f in product(ports, PortFault)),
        *((ports[-1], replace(lost, reason=reason)) for reason in PortReason),
        (ports[-1], OPEN),
    ):
        changed += [
            replace(now, config=_connected(now.config, port))
            for now in (
                with_port(state),
                seen(with_status(BatteryStatus.WAITING), ports={"b1": state}),
                seen(
                    with_status(BatteryStatus.WAITING),
                    ports={"b1": replace(state, received=1)},
                ),
                *(
                    polled(seen(with_status(BatteryStatus.WAITING), ports={"b1": each}))
                    for each in (state, replace(state, received=1))
                ),
                replace(
                    seen(WELL, ports={"b1": OPEN, "i1": state}),
                    signs_of_life={"i1": 0.0},
                ),
            )
        ]
    for now in changed:
        yield from find_issues(now, {}).values()


def polled(now: IssueContext) -> IssueContext:
    """Return the context with a first battery that is polled."""
    first, second = now.config.batteries
    batteries = (replace(first, poll_interval=1.0), second)
    return replace(now, config=replace(now.config, batteries=batteries))


def _connected(config: GatewayConfig, port: PortConfig) -> GatewayConfig:
    """Return the gateway with its first battery and its inverter on such a port."""
    first, second = config.batteries
    [inverter] = config.inverters
    return replace(
        config,
        batteries=(replace(first, port=port), second),
        inverters=(replace(inverter, port=port, no_response_after=60.0),),
    )


def names(text: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def leaves(texts: dict[str, Any]) -> Iterator[str]:
    """Yield every text."""
    for each in texts.values():
        if isinstance(each, dict):
            yield from leaves(each)
        else:
            yield each


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_repair_has_texts_that_can_be_filled(language: str) -> None:
    """With the placeholders of the issue, and nothing else."""
    folder = Path(__file__).parents[2] / "custom_components" / DOMAIN
    texts = json.loads((folder / f"translations/{language}.json").read_text("utf-8"))
    issues = texts["issues"]
    found = [*find_everything()]
    assert {issue.key for issue in found} == set(issues)
    for issue in found:
        about = issues[issue.key]
        assert issue.fixable is ("fix_flow" in about)
        assert issue.fixable is not ("description" in about)
        answer = set(issue.placeholders)
        assert names(about["title"]) <= answer, issue.key
        if not issue.fixable:
            assert names(about["description"]) <= answer, issue.key
            continue
        for text in leaves(about["fix_flow"].get("abort", {})):
            # The dialog adds the system's message to it
            assert names(text) <= answer | {"detail"}, issue.key
        for text in leaves(about["fix_flow"]["step"]):
            assert names(text) <= answer, issue.key
