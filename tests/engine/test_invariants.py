"""What holds at every moment, whatever batteries, inverters and people do."""

from dataclasses import replace
from typing import Final

from hypothesis import HealthCheck, note, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from custom_components.bms_gateway.engine.config import LossPolicy, SendMode, Strategy
from custom_components.bms_gateway.engine.model import (
    Alarm,
    Direction,
    Frame,
    PortStatus,
    Status,
    Telegram,
)
from custom_components.bms_gateway.engine.setpoints import (
    AllSetpoints,
    Lease,
    Setpoints,
)

from .plant import Pack, Plant, battery, inverter
from .telegrams import HEALTHY, NO_LIMITS
from .wires import limits

SLACK: Final = 1e-6
LONGEST_TIMEOUT: Final = 1.5 * 30 + 1
"""Seconds; of a frame that was learnt to come every 30 s."""
BLOCK: Final = 5.0
TOLD_FOR: Final = 60.0
"""Seconds for which an inverter acts upon what it was told."""
RECOVERY: Final = 60.0
"""Seconds in which all is as it was: rejoin, hold, ramp, twice the reaction time."""
AT_ONCE: Final = 0.1
PROBE: Final = 4.0
"""A; with which a battery that allows nothing counts until it is known to carry."""

MOST_BATTERIES: Final = 16
MOST_INVERTERS: Final = 8
LONGEST_LEASE: Final = 15.0

pick = st.integers(0, MOST_BATTERIES - 1)
amps = st.sampled_from([0.0, 0.1, 5.0, 20.0, 52.8, 100.0, 300.0])
asked = st.none() | amps
BUS_OFF: Final = Frame(0x40, bytes(8), error=True)
REQUEST: Final = Frame(0x305, bytes(8))


class Held:
    """What one inverter may act upon, as its wire shows it."""

    def __init__(self) -> None:
        """Know nothing."""
        self.queued: list[tuple[float, tuple[float, float, float]]] = []
        self.asked_at = 0.0

    def amps(self, index: int, now: float) -> float:
        """Return the most that it may act upon, of CCL (1) or DCL (2), in A."""
        last = max([self.asked_at, *(at for at, _ in self.queued[-1:])])
        return max(
            (told[index] for at, told in self.queued if now <= last + TOLD_FOR),
            default=0.0,
        )


class Installation(RuleBasedStateMachine):
    """Batteries, a gateway and inverters, with everything that can happen to them."""

    @initialize(
        capacities=st.lists(
            st.sampled_from([50.0, 100.0, 280.0]), min_size=1, max_size=MOST_BATTERIES
        ),
        ratings=st.lists(
            st.sampled_from([20.0, 50.0, 200.0]), min_size=1, max_size=MOST_INVERTERS
        ),
        modes=st.lists(
            st.sampled_from(SendMode), min_size=MOST_INVERTERS, max_size=MOST_INVERTERS
        ),
        strategy=st.sampled_from(Strategy),
        policies=st.tuples(*[st.sampled_from(LossPolicy)] * 2),
        grace=st.sampled_from([0.0, 60.0]),
        total=st.none() | st.sampled_from([30.0, 150.0]),
    )
    def build(
        self,
        capacities: list[float],
        ratings: list[float],
        modes: list[SendMode],
        strategy: Strategy,
        policies: tuple[LossPolicy, LossPolicy],
        grace: float,
        total: float | None,
    ) -> None:
        """Set up a gateway."""
        self.plant = Plant(
            [battery(f"b{n}", c) for n, c in enumerate(capacities)],
            [
                inverter(f"i{n}", rated, mode=mode)
                for n, (rated, mode) in enumerate(zip(ratings, modes, strict=False))
            ],
            strategy=strategy,
            charge_loss_policy=policies[0],
            discharge_loss_policy=policies[1],
            discharge_grace=grace,
            total_charge=total,
        )
        self.setpoints = AllSetpoints()
        self.spoke_at = -1e9
        self.dark_at: float | None = None
        self.held = {key: Held() for key in self.inverters}
        for key in self.inverters:
            self.watch(key)

    @property
    def batteries(self) -> list[str]:
        """The batteries' ids."""
        return [each.id for each in self.plant.config.batteries]

    @property
    def inverters(self) -> list[str]:
        """The inverters' ids."""
        return [each.id for each in self.plant.config.inverters]

    def watch(self, key: str) -> None:
        """Judge every frame to an inverter in the moment when it is queued."""
        self.plant.port(key).on_send = lambda frame: self.judge(key, frame)

    # What must hold

    def judge(self, key: str, frame: Frame) -> None:
        """Hold one frame against the rules."""
        plant, now = self.plant, self.plant.now
        dark = now > self.spoke_at + LONGEST_TIMEOUT
        if not dark:
            self.dark_at = None
        elif self.dark_at is None:
            self.dark_at = now
        else:
            assert now <= self.dark_at + BLOCK + AT_ONCE, "no silence"
        if frame.can_id != 0x351:
            return
        told = limits(frame)
        assert not dark or told[1:] == (0.0, 0.0), "old values as if they were news"
        note(f"{now}: {key} is told {told}")
        rated = next(i.rated_charge for i in plant.config.inverters if i.id == key)
        for index, direction in enumerate(Direction, start=1):
            asked = self.asked(key, direction)
            cap = rated if asked is None else min(rated, asked)
            assert told[index] <= cap + SLACK, "above its cap"
            self.judge_sum(key, index, told[index])
        self.judge_voltage(told)
        self.settle(key)
        self.held[key].queued.append((now, told))

    def judge_sum(self, key: str, index: int, told: float) -> None:
        """A limit rises only as far as the bank's limit leaves room."""
        snapshot, now = self.plant.snapshot, self.plant.now
        bank = snapshot.charge if index == 1 else snapshot.discharge
        assert bank is not None
        assert told <= bank.amps + SLACK, "one above the bank's limit"
        if told > self.held[key].amps(index, now):
            others = sum(h.amps(index, now) for k, h in self.held.items() if k != key)
            assert told + others <= bank.amps + SLACK, "the sum above the bank's limit"

    def judge_voltage(self, told: tuple[float, float, float]) -> None:
        """Never under the floor nor far under the pack, over no battery with current."""
        online = [
            s.readings for s in self.plant.snapshot.batteries.values() if s.online
        ]
        assert told[0] >= 45.0
        for readings in online:
            highest = readings.charge_voltage_limit
            assert highest is not None
            assert told[0] <= highest + SLACK or told[1] == 0.0, "over a battery's CVL"
        volts = [r.voltage for r in online if r.voltage is not None]
        assert told[0] >= min(volts, default=0.0) - 0.2 - SLACK, "far under the pack"

    def settle(self, key: str) -> None:
        """Forget what an inverter was told once the next has left for its wire."""
        port, held = self.plant.port(key), self.held[key]
        waiting = sum(frame.can_id == 0x351 for frame in port.queue)
        left = len(held.queued) - waiting
        if left > 1:
            del held.queued[: left - 1]

    def after(self) -> None:
        """Check what can be seen from outside after each step."""
        for key in self.inverters:
            self.settle(key)
        snapshot = self.plant.snapshot
        for limit, asked, total in (
            (
                snapshot.charge,
                self.asked(None, Direction.CHARGE),
                self.plant.config.total_charge,
            ),
            (snapshot.discharge, self.asked(None, Direction.DISCHARGE), None),
        ):
            if limit is not None:
                assert limit.amps >= 0.0
                assert asked is None or limit.amps <= asked
                assert total is None or limit.amps <= total
        self.judge_bank()

    def judge_bank(self) -> None:
        """The bank never allows more than its batteries together."""
        snapshot = self.plant.snapshot
        counted = [s for s in snapshot.batteries.values() if s.lost_at or s.online]
        if snapshot.charge is not None:
            said = [s.last.charge_current_limit or 0.0 for s in counted]
            assert snapshot.charge.amps <= sum(max(a, PROBE) for a in said) + SLACK

    # What can happen

    @rule(wait=st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0, 1.0, 1.0]))
    def all_speak(self, wait: float) -> None:
        """Every battery that speaks sends a telegram."""
        self.plant.clock.now += wait
        for key, pack in self.plant.packs.items():
            if pack.speaks:
                self.plant.speak(key)
                self.spoke_at = self.plant.now
        self.plant.step()
        self.after()

    @rule(n=pick)
    def one_speaks(self, n: int) -> None:
        """One battery sends a telegram; not all of what follows is done."""
        self.plant.speak(self.batteries[n % len(self.batteries)])
        self.spoke_at = self.plant.now
        self.plant.step(1)
        self.after()

    @rule(wait=st.sampled_from([0.001, 0.04, 0.06, 0.3, 1.0, 3.0, 7.0, 70.0]))
    def time_passes(self, wait: float) -> None:
        """Nobody says anything."""
        self.plant.clock.now += wait
        self.plant.step(1)
        self.after()

    @rule()
    def all_fall_silent(self) -> None:
        """Nobody speaks for a minute: neither does the gateway, in the end."""
        for _ in range(30):
            self.plant.clock.now += 2.0
            self.plant.step(2)
        at = self.plant.now
        self.plant.clock.now += 2.0
        self.plant.step(2)
        for key in self.inverters:
            assert not self.plant.port(key).since(at + 1.0), "no silence"
        self.after()

    @rule(n=pick, ccl=amps, dcl=amps, charge=st.booleans(), discharge=st.booleans())
    def other_limits(
        self, n: int, ccl: float, dcl: float, charge: bool, discharge: bool
    ) -> None:
        """A battery's limits and enables change."""
        self.pack(n).says(
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
        protections=st.frozensets(st.sampled_from(Alarm), max_size=1),
    )
    def other_measurements(
        self,
        n: int,
        volts: float,
        highest: float,
        current: float | None,
        soc: float,
        protections: frozenset[Alarm],
    ) -> None:
        """What a battery measures changes."""
        self.pack(n).says(
            voltage=volts,
            charge_voltage_limit=highest,
            current=current,
            soc=soc,
            protections=protections,
        )

    @rule(
        n=pick,
        without=st.frozensets(
            st.sampled_from([0x351, 0x355, 0x356, 0x359, 0x35C]), max_size=2
        ),
    )
    def part_is_missing(self, n: int, without: frozenset[int]) -> None:
        """A battery leaves out some of its frames."""
        self.pack(n).without = set(without)

    @rule(n=pick, data=st.none() | st.just(NO_LIMITS.data) | st.binary(max_size=8))
    def limits_are_spoilt(self, n: int, data: bytes | None) -> None:
        """A battery's 0x351 says that it knows nothing, or anything at all."""
        self.pack(n).instead = {} if data is None else {0x351: data}

    @rule(n=pick, speaks=st.booleans())
    def falls_silent(self, n: int, speaks: bool) -> None:
        """A battery is lost or comes back."""
        self.pack(n).speaks = speaks

    @rule(charge=asked, discharge=asked, volts=st.none() | st.just(50.0))
    def bank_is_limited(
        self, charge: float | None, discharge: float | None, volts: float | None
    ) -> None:
        """A person limits the bank."""
        bank = Setpoints(
            charge_current=charge, discharge_current=discharge, charge_voltage=volts
        )
        self.ask(replace(self.setpoints, bank=bank))

    @rule(n=pick, charge=asked, discharging=st.booleans())
    def inverter_is_limited(
        self, n: int, charge: float | None, discharging: bool
    ) -> None:
        """A person limits an inverter."""
        setpoints = Setpoints(charge_current=charge, discharging_allowed=discharging)
        inverters = {**self.setpoints.inverters, self.inverter(n): setpoints}
        self.ask(replace(self.setpoints, inverters=inverters))

    @rule(
        n=st.none() | pick,
        direction=st.sampled_from(Direction),
        owner=st.sampled_from(["a", "b"]),
        limit=amps,
        lasts=st.sampled_from([0.5, 5.0, LONGEST_LEASE]),
    )
    def is_limited_for_a_time(
        self,
        n: int | None,
        direction: Direction,
        owner: str,
        limit: float,
        lasts: float,
    ) -> None:
        """Somebody takes a lease on the bank or an inverter."""
        lease = Lease(
            device_id=None if n is None else self.inverter(n),
            direction=direction,
            owner=owner,
            amps=limit,
            until=self.plant.now + lasts,
        )
        self.ask(self.setpoints.with_lease(lease))

    @rule(n=pick, battery=st.booleans())
    def goes_out_of_service(self, n: int, battery: bool) -> None:
        """A person takes something out of service, or back."""
        key = self.batteries[n % len(self.batteries)] if battery else self.inverter(n)
        out = self.setpoints.out_of_service ^ {key}
        self.ask(replace(self.setpoints, out_of_service=out))

    @rule(n=pick)
    def is_unplugged(self, n: int) -> None:
        """Nobody acknowledges what an inverter is sent."""
        self.plant.port(self.inverter(n)).acknowledged = False

    @rule(n=pick, count=st.integers(1, 12), stays=st.booleans())
    def is_plugged_in(self, n: int, count: int, stays: bool) -> None:
        """What waited leaves, or some of it; then it is there, or not."""
        port = self.plant.port(self.inverter(n))
        port.leave(12 if stays else count)
        port.acknowledged = stays
        self.after()

    @rule(n=pick, told=st.booleans())
    def queue_is_dropped(self, n: int, told: bool) -> None:
        """A controller is reset, and drops what it had to send."""
        key = self.inverter(n)
        port = self.plant.port(key)
        waiting = sum(frame.can_id == 0x351 for frame in port.queue)
        if waiting:
            del self.held[key].queued[-waiting:]
        port.forget()
        if told:
            port.push(BUS_OFF)

    @rule(n=pick, echoes=st.booleans())
    def echoes_fail(self, n: int, echoes: bool) -> None:
        """Frames leave, but nobody tells."""
        self.plant.port(self.inverter(n)).echoes = echoes

    @rule(n=pick)
    def port_changes(self, n: int) -> None:
        """An adapter is pulled out, or plugged in again."""
        port = self.plant.port(self.inverter(n))
        if port.state.status is PortStatus.OPEN:
            self.queue_is_dropped(n, False)
            port.lose()
        else:
            port.reopen()
        self.plant.step(1)
        self.after()

    @rule(n=pick)
    def inverter_asks(self, n: int) -> None:
        """It sends 0x305."""
        key = self.inverter(n)
        self.held[key].asked_at = self.plant.now
        self.plant.port(key).push(REQUEST)
        self.plant.step(1)
        self.after()

    @precondition(lambda self: self.plant.now > 1003.0)
    @rule(ccl=st.sampled_from([50.0, 100.0]))
    def all_is_well_again(self, ccl: float) -> None:
        """Healthy telegrams lead back to full limits in bounded time."""
        said = replace(HEALTHY, charge_current_limit=ccl)
        for pack in self.plant.packs.values():
            pack.said, pack.speaks = said, True
            pack.without, pack.instead = set(), {}
        for key in self.inverters:
            port = self.plant.port(key)
            port.echoes = port.acknowledged = True
            if port.state.status is not PortStatus.OPEN:
                port.reopen()
            port.leave()
        # Leases stay: they end by themselves.
        self.setpoints = AllSetpoints(leases=self.setpoints.leases)
        self.plant.set(self.setpoints)
        for _ in range(int(LONGEST_LEASE + RECOVERY)):
            for key in self.inverters:
                self.held[key].asked_at = self.plant.now
                self.plant.port(key).push(REQUEST)
            self.spoke_at = self.plant.now
            self.plant.run(1.0, tick=0.5)
            self.after()
        self.judge_recovery(said)

    def judge_recovery(self, said: Telegram) -> None:
        """All batteries online, everyone told all that there is."""
        snapshot = self.plant.snapshot
        assert snapshot.status is Status.RUNNING
        for limit, least, index, total in (
            (
                snapshot.charge,
                said.charge_current_limit,
                1,
                self.plant.config.total_charge,
            ),
            (snapshot.discharge, said.discharge_current_limit, 2, None),
        ):
            assert limit is not None
            ratings = sum(i.rated_charge for i in self.plant.config.inverters)
            cap = ratings if total is None else min(total, ratings)
            assert limit.amps >= min(least, cap) - 1.0, "the bank does not recover"
            told = sum(self.plant.told(key)[index] for key in self.inverters)
            crumbs = 3.1 * len(self.inverters)
            assert told >= min(limit.amps, ratings) - crumbs, "inverters do not recover"

    def asked(self, key: str | None, direction: Direction) -> float | None:
        """Return the lowest that is asked for now, of an inverter or (None) the bank."""
        ask = self.setpoints.asked(key, direction, self.plant.now, None)
        return None if ask is None else ask.amps

    def pack(self, n: int) -> Pack:
        """Return one of the batteries."""
        return self.plant.packs[self.batteries[n % len(self.batteries)]]

    def inverter(self, n: int) -> str:
        """Return the id of one of the inverters."""
        return self.inverters[n % len(self.inverters)]

    def ask(self, setpoints: AllSetpoints) -> None:
        """Have something else asked for."""
        self.setpoints = setpoints
        self.plant.gateway.set_setpoints(setpoints)
        self.plant.step(1)
        self.after()


TestInstallation = Installation.TestCase
chosen = settings()
TestInstallation.settings = settings(
    max_examples=30 if chosen.max_examples == 100 else chosen.max_examples,
    stateful_step_count=chosen.stateful_step_count,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
