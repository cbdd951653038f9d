"""Events of an installation: rules that Hypothesis combines."""

from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from custom_components.bms_gateway.engine.config import LossPolicy
from custom_components.bms_gateway.engine.model import (
    Alarm,
    Direction,
    Frame,
    PortStatus,
)
from custom_components.bms_gateway.engine.presets import SendMode
from custom_components.bms_gateway.engine.setpoints import Setpoints
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit

from ..plant import Pack, battery, inverter
from ..telegrams import HEALTHY, NO_LIMITS
from .installation import LONGEST_TEMPORARY_LIMIT, Installation, pick

amps = st.sampled_from([0.0, 0.1, 5.0, 20.0, 52.8, 100.0, 300.0])
limits = st.none() | amps
BUS_OFF: Final = Frame(0x40, bytes(8), error=True)
DEYE_CELLS: Final = Frame(0x361, bytes.fromhex("e40c d00c 1a01 0401"))


class InstallationEvents(Installation):
    """An installation with every event that can happen to it."""

    # Batteries report other values

    @rule(n=pick, ccl=amps, dcl=amps, charge=st.booleans(), discharge=st.booleans())
    def other_limits(
        self, n: int, ccl: float, dcl: float, charge: bool, discharge: bool
    ) -> None:
        """A battery's limits and enables change."""
        self.pack(n).reports(
            charge_current_limit=ccl,
            discharge_current_limit=dcl,
            charge_enabled=charge,
            discharge_enabled=discharge,
        )

    @rule(
        n=pick,
        volts=st.sampled_from([47.0, 52.0, 53.0, 55.5]),
        highest=st.sampled_from([53.2, 56.0, 57.6]),
        current=st.none() | st.sampled_from([-80.0, -3.0, 0.0, 1.5, 60.0]),
        soc=st.sampled_from([0.0, 20.0, 95.0, 100.0]),
    )
    def other_measurements(
        self, n: int, volts: float, highest: float, current: float | None, soc: float
    ) -> None:
        """A battery's measurements change."""
        self.pack(n).reports(
            voltage=volts, charge_voltage_limit=highest, current=current, soc=soc
        )

    @rule(
        bank=st.sampled_from([-200.0, -40.0, 0.0, 25.0, 90.0]),
        part=st.sampled_from([1.0, 1.0, 0.3, 3.0]),
        blocked=st.booleans(),
    )
    def current_flows(self, bank: float, part: float, blocked: bool) -> None:
        """The batteries divide a current, the first a `part` of what is due to it.

        `blocked`: those that allow nothing let nothing through.
        """
        configs, packs = self.plant.config.batteries, self.plant.packs
        reported = {b.id: packs[b.id].reported for b in configs}
        direction = Direction.CHARGE if bank > 0 else Direction.DISCHARGE
        weights = {b.id: b.capacity_ah for b in configs}
        weights[configs[0].id] *= part
        for key, telegram in reported.items():
            if blocked and not telegram.limit(direction):
                weights[key] = 0.0
        whole = sum(weights.values()) or 1.0
        for key, weight in weights.items():
            packs[key].reports(current=round(bank * weight / whole, 1))

    @rule(n=pick, bank=st.sampled_from([-70.0, 70.0]))
    def one_stops(self, n: int, bank: float) -> None:
        """A battery allows 0 A and carries nothing, while the others continue."""
        charge = bank > 0
        limit = "charge_current_limit" if charge else "discharge_current_limit"
        self.pack(n).reports(**{limit: 0.0})
        self.current_flows(bank, 1.0, True)
        for _ in range(3):
            self.plant.clock.now += 1.0
            self.send_telegrams(
                *(k for k, pack in self.plant.packs.items() if pack.active)
            )
            self.step()

    @rule(
        n=pick,
        protections=st.frozensets(st.sampled_from(Alarm), max_size=2),
        force=st.booleans(),
    )
    def other_flags(self, n: int, protections: frozenset[Alarm], force: bool) -> None:
        """A battery raises or clears protections; it requests charging."""
        self.pack(n).reports(protections=protections, force_charge=force)

    @rule(
        n=pick,
        without=st.frozensets(
            st.sampled_from([0x351, 0x355, 0x356, 0x359, 0x35C]), max_size=2
        ),
        more=st.booleans(),
    )
    def other_frames(self, n: int, without: frozenset[int], more: bool) -> None:
        """A battery omits some of its frames, or sends one of another dialect."""
        pack = self.pack(n)
        pack.without, pack.more = set(without), [DEYE_CELLS] if more else []

    @rule(n=pick, data=st.none() | st.just(NO_LIMITS.data) | st.binary(max_size=8))
    def limits_are_invalid(self, n: int, data: bytes | None) -> None:
        """A battery's 0x351 carries "not available", or any values."""
        self.pack(n).instead = {} if data is None else {0x351: data}

    @rule(n=pick, active=st.booleans())
    def sending_changes(self, n: int, active: bool) -> None:
        """A battery is lost or comes back."""
        self.pack(n).active = active

    # Users set limits and options

    @rule(
        charge=limits,
        discharge=limits,
        volts=st.none() | st.just(50.0),
        allowed=st.booleans(),
    )
    def bank_is_limited(
        self,
        charge: float | None,
        discharge: float | None,
        volts: float | None,
        allowed: bool,
    ) -> None:
        """A user limits the bank."""
        bank = Setpoints(
            charge_current=charge,
            discharge_current=discharge,
            charge_voltage=volts,
            charging_allowed=allowed,
        )
        self.set_setpoints(replace(self.model.setpoints, bank=bank))

    @rule(n=pick, charge=limits, discharging=st.booleans())
    def inverter_is_limited(
        self, n: int, charge: float | None, discharging: bool
    ) -> None:
        """A user limits an inverter."""
        setpoints = Setpoints(charge_current=charge, discharging_allowed=discharging)
        inverters = {**self.model.setpoints.inverters, self.inverter(n): setpoints}
        self.set_setpoints(replace(self.model.setpoints, inverters=inverters))

    @rule(
        n=st.none() | pick,
        direction=st.sampled_from(Direction),
        owner=st.sampled_from(["a", "b"]),
        limit=st.fixed_dictionaries({"amps": amps})
        | st.fixed_dictionaries({"watts": st.sampled_from([0.0, 7.0, 1500.0, 9000.0])}),
        lasts=st.sampled_from([0.5, 5.0, LONGEST_TEMPORARY_LIMIT]),
    )
    def temporary_limit_is_set(
        self,
        n: int | None,
        direction: Direction,
        owner: str,
        limit: dict[str, Any],
        lasts: float,
    ) -> None:
        """A temporary limit is set on the bank or an inverter, in A or W."""
        temporary_limit = TemporaryLimit(
            device_id=None if n is None else self.inverter(n),
            direction=direction,
            owner=owner,
            until=self.plant.now + lasts,
            **limit,
        )
        self.set_setpoints(self.model.setpoints.with_temporary_limit(temporary_limit))

    @rule(n=pick, battery=st.booleans())
    def service_changes(self, n: int, battery: bool) -> None:
        """A user takes a device out of service, or back."""
        key = self.batteries[n % len(self.batteries)] if battery else self.inverter(n)
        out = self.model.setpoints.out_of_service ^ {key}
        self.set_setpoints(replace(self.model.setpoints, out_of_service=out))

    @rule(
        total=st.none() | st.sampled_from([10.0, 150.0]),
        policy=st.sampled_from(LossPolicy),
    )
    def options_change(self, total: float | None, policy: LossPolicy) -> None:
        """The gateway's options are changed while it runs."""
        self.apply(total_charge=total, charge_loss_policy=policy)

    @rule(
        n=pick,
        options=st.fixed_dictionaries(
            {
                "rated_charge": st.sampled_from([20.0, 200.0]),
                "mode": st.sampled_from(SendMode),
                "reaction_time": st.sampled_from([2.0, 10.0]),
            }
        ),
    )
    def inverter_changes(self, n: int, options: dict[str, Any]) -> None:
        """An inverter's options are changed."""
        inverters = self.plant.config.inverters
        changed = inverters[n % len(inverters)].id
        self.apply(
            inverters=tuple(
                replace(i, **options) if i.id == changed else i for i in inverters
            )
        )

    @rule(n=pick, battery=st.booleans(), comes=st.booleans())
    def devices_change(self, n: int, battery: bool, comes: bool) -> None:
        """A device is added, or removed (never the last one)."""
        name = "batteries" if battery else "inverters"
        there = getattr(self.plant.config, name)
        if comes and len(there) < 8:
            self.added += 1
            there = (*there, _device(battery, f"{name}{self.added}"))
        elif not comes and len(there) > 1:
            gone = there[n % len(there)]
            there = tuple(each for each in there if each is not gone)
            self.plant.packs.pop(gone.id, None)
        self.apply(**{name: there})

    # Ports and inverters misbehave

    @rule(n=pick)
    def is_unplugged(self, n: int) -> None:
        """No device acknowledges the frames to an inverter."""
        self.port(n).acknowledged = False

    @rule(n=pick, count=st.integers(1, 12), stays=st.booleans())
    def is_plugged_in(self, n: int, count: int, stays: bool) -> None:
        """Waiting frames leave, or some of them; then the inverter is there, or not."""
        self.port(n).leave(12 if stays else count)
        self.port(n).acknowledged = stays
        self.step(1)

    @rule(n=pick, known=st.booleans())
    def queue_is_dropped(self, n: int, known: bool) -> None:
        """A controller is reset, and drops its queue."""
        self.model.records[self.inverter(n)].drop(self.plant.now)
        self.port(n).forget()
        if known:
            self.port(n).push(BUS_OFF)

    @rule(n=pick, echoes=st.booleans())
    def echoes_fail(self, n: int, echoes: bool) -> None:
        """Frames leave, but their echoes are missing."""
        self.model.records[self.inverter(n)].echo_failed_at = self.plant.now
        self.port(n).echoes = echoes

    @rule(n=pick)
    def port_changes(self, n: int) -> None:
        """An adapter is unplugged, or plugged in again."""
        port = self.port(n)
        if port.state.status is PortStatus.OPEN:
            self.queue_is_dropped(n, False)
            port.lose()
        else:
            port.reopen()
        self.step(1)

    @rule(n=pick)
    def inverter_requests_data(self, n: int) -> None:
        """An inverter sends 0x305."""
        self.request(self.inverter(n))
        self.step(1)

    @rule(n=pick, whole=st.booleans())
    def battery_is_at_an_inverter(self, n: int, whole: bool) -> None:
        """A battery's frames arrive on an inverter's port: the plugs are swapped."""
        key = self.inverter(n)
        for wait in (0.0, 0.6) if whole else (0.0,):
            self.plant.clock.now += wait
            self.plant.port(key).push(*Pack(HEALTHY).frames(self.plant.now))
            self.model.records[key].battery_at = self.plant.now
            self.step()


def _device(battery_: bool, key: str) -> Any:
    return battery(key) if battery_ else inverter(key, 50.0)
