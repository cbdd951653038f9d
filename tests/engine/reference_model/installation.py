"""An installation in time: every step of it is checked."""

from collections.abc import Sequence
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import (
    Direction,
    Frame,
    PortStatus,
    Rule,
    Status,
)
from custom_components.bms_gateway.engine.presets import SendMode
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from ..plant import Pack, Plant, battery, inverter
from ..wires import WirePort
from .model import ReferenceModel

LONGEST_TEMPORARY_LIMIT: Final = 15.0
RECOVERY: Final = 160.0
"""Seconds in which all is as it was: what was queued given up for lost (PROBE_ANYWAY),
rejoin, hold, ramp, twice the reaction time."""
LINGERS: Final = 360.0
"""Further seconds in which unmanaged current is released."""

pick = st.integers(0, 15)
REQUEST: Final = Frame(0x305, bytes(8))


def sized(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return lists that are mostly short."""
    return st.one_of(
        *[st.lists(of, min_size=1, max_size=4)] * 3,
        st.lists(of, min_size=1, max_size=8),
    )


class Installation(RuleBasedStateMachine):
    """Batteries, a gateway and inverters; they report, or not, and recover."""

    @initialize(
        capacities=st.one_of(
            *[st.lists(st.sampled_from([50.0, 100.0, 280.0]), min_size=1, max_size=4)]
            * 4,
            st.lists(st.sampled_from([50.0, 100.0, 280.0]), min_size=1, max_size=16),
        ),
        inverters=sized(
            st.fixed_dictionaries(
                {
                    "rated": st.sampled_from([20.0, 50.0, 200.0]),
                    "mode": st.sampled_from(SendMode),
                    "timeout": st.sampled_from([60.0, 60.0, 10.0]),
                    "reaction_time": st.sampled_from([10.0, 10.0, 2.0]),
                }
            )
        ),
        options=st.fixed_dictionaries(
            {
                "strategy": st.sampled_from(Strategy),
                "charge_loss_policy": st.sampled_from(LossPolicy),
                "discharge_loss_policy": st.sampled_from(LossPolicy),
                "discharge_grace": st.sampled_from([0.0, 60.0]),
                "total_charge": st.none() | st.sampled_from([30.0, 150.0]),
                "forward_requests": st.booleans(),
            }
        ),
    )
    def build(
        self,
        capacities: list[float],
        inverters: list[dict[str, Any]],
        options: dict[str, Any],
    ) -> None:
        """Set up a gateway."""
        self.plant = Plant(
            [battery(f"b{n}", c) for n, c in enumerate(capacities)],
            [inverter(f"i{n}", **one) for n, one in enumerate(inverters)],
            **options,
        )
        self.model = ReferenceModel(self.plant)
        self.added = 100
        self.rested_at = -1e9

    # Batteries report, and time passes

    @rule(
        seconds=st.sampled_from([0, 1, 1, 2, 3]), wait=st.sampled_from([0.02, 0.3, 1.0])
    )
    def all_report(self, seconds: int, wait: float) -> None:
        """Every active battery sends telegrams for a while."""
        self.plant.clock.now += wait
        for second in range(seconds + 1):
            self.plant.clock.now += min(second, 1)
            self.send_telegrams(
                *(k for k, pack in self.plant.packs.items() if pack.active)
            )
            self.step()

    @rule(n=pick)
    def one_reports(self, n: int) -> None:
        """One battery sends a telegram; only a part of what follows is done."""
        self.send_telegrams(self.batteries[n % len(self.batteries)])
        self.step(1)

    @rule(wait=st.sampled_from([0.001, 0.04, 0.06, 0.3, 1.0, 3.0, 7.0, 70.0]))
    def time_passes(self, wait: float) -> None:
        """No device sends anything."""
        self.plant.clock.now += wait
        self.step(1)

    @rule(seconds=st.sampled_from([2, 7, 12]))
    def event_loop_is_blocked(self, seconds: int) -> None:
        """Batteries continue to report, but everything is read late and at once."""
        keys = [key for key, pack in self.plant.packs.items() if pack.active]
        for _ in range(seconds):
            self.plant.clock.now += 1.0
            self.send_telegrams(*keys)
        self.plant.clock.now += 0.7
        self.step()

    @rule(n=pick, silent=st.sampled_from([[4, 4, 4], [4, 5, 6, 4]]))
    def gaps_become_habitual(self, n: int, silent: list[int]) -> None:
        """A battery is silent for some seconds repeatedly; the others report."""
        key = self.batteries[n % len(self.batteries)]
        for seconds in silent:
            for second in range(seconds + 5):
                self.plant.clock.now += 1.0
                active = [k for k, pack in self.plant.packs.items() if pack.active]
                self.send_telegrams(
                    *(k for k in active if k != key or second >= seconds)
                )
                self.step()

    @precondition(lambda self: self.plant.now > self.rested_at)
    @rule()
    def all_stop_sending(self) -> None:
        """No battery reports for a minute: in the end the gateway is silent too."""
        for _ in range(20):
            self.plant.clock.now += 3.0
            self.step(2)
        self.rested_at = self.plant.now
        at = self.plant.now
        self.plant.clock.now += 2.0
        self.step(2)
        for key in self.inverters:
            assert not self.plant.port(key).since(at + 1.0), "no silence"

    @rule()
    def nothing_is_due(self) -> None:
        """Run to the next time due, as the tasks sleep until then."""
        self.step()
        gateway, now = self.plant.gateway, self.plant.now
        due = [gateway.write(key) for key in self.inverters]
        due.append(gateway._bank.deadline)
        soonest = min([now + 30.0, *(at for at in due if at is not None)])
        if soonest > now + 0.001:
            self.plant.clock.now = soonest - 0.001
            ports = [self.plant.port(key) for key in self.inverters]
            before = sum(len(port.sent) + len(port.queue) for port in ports)
            self.step(1)
            after = sum(len(port.sent) + len(port.queue) for port in ports)
            assert before == after, "sent before it was due"

    # All is well again

    @precondition(lambda self: self.plant.now > max(1003.0, self.rested_at))
    @rule(ccl=st.sampled_from([50.0, 100.0]), requests_data=st.booleans())
    def installation_recovers(self, ccl: float, requests_data: bool) -> None:
        """Healthy telegrams lead back to full limits in bounded time."""
        for pack in self.plant.packs.values():
            pack.heal(charge_current_limit=ccl)
        for key in self.inverters:
            port = self.plant.port(key)
            if not port.echoes:
                self.model.records[key].echo_failed_at = self.plant.now
            port.echoes = port.acknowledged = True
            if port.state.status is not PortStatus.OPEN:
                port.reopen()
            port.leave()
        # Temporary limits stay: they end by themselves.
        self.set_setpoints(
            AllSetpoints(temporary_limits=self.model.setpoints.temporary_limits)
        )
        recovers_by = LONGEST_TEMPORARY_LIMIT + RECOVERY
        for second in range(int(recovers_by + LINGERS)):
            self.plant.clock.now += 1.0
            for one in self.plant.config.inverters:
                if requests_data or one.mode is SendMode.REPLY:
                    self.request(one.id)
            self.send_telegrams(*self.batteries)
            self.step()
            if (lacks := self.lacks()) is None:
                self.rested_at = self.plant.now
                return
            limits = self.plant.snapshot.charge, self.plant.snapshot.discharge
            unmanaged = any(limit and limit.rule is Rule.UNMANAGED for limit in limits)
            if unmanaged:
                # The rest of the recovery begins when it is let go
                recovers_by = max(recovers_by, second + RECOVERY)
            elif second >= recovers_by:
                break
        raise AssertionError(lacks)

    def lacks(self) -> str | None:
        """Return what has not recovered yet; None: every limit is sent completely."""
        snapshot, inverters = self.plant.snapshot, self.plant.config.inverters
        if snapshot.status is not Status.RUNNING or None in (
            snapshot.charge,
            snapshot.discharge,
        ):
            states = {key: b.status for key, b in snapshot.batteries.items()}
            return f"it is {snapshot.status}: {states}"
        for direction in Direction:
            amps, full = self.model.full(direction)
            if amps < full - 1.0:
                return f"{direction}: the bank recovers to {amps} A of {full}"
            sent = sum(
                self.model.records[i.id].amps(direction, self.plant.now)
                for i in inverters
            )
            # Too little for one is 0 for it; each is cut to counts.
            takes = min(amps, self.model.rated(direction))
            if sent < takes - 3.1 * len(inverters):
                return f"{direction}: the inverters recover to {sent} A of {amps}"
        return None

    # How it is done

    @property
    def batteries(self) -> Sequence[str]:
        """The batteries' ids."""
        return [each.id for each in self.plant.config.batteries]

    @property
    def inverters(self) -> Sequence[str]:
        """The inverters' ids."""
        return [each.id for each in self.plant.config.inverters]

    def pack(self, n: int) -> Pack:
        """Return one of the batteries."""
        return self.plant.packs[self.batteries[n % len(self.batteries)]]

    def inverter(self, n: int) -> str:
        """Return the id of one of the inverters."""
        return self.inverters[n % len(self.inverters)]

    def port(self, n: int) -> WirePort:
        """Return the port of one of the inverters."""
        return self.plant.port(self.inverter(n))

    def send_telegrams(self, *keys: str) -> None:
        """Send a telegram of these batteries now."""
        for key in keys:
            for frame in self.plant.send_telegrams(key):
                self.model.received[key].take(frame, self.plant.now)

    def request(self, key: str) -> None:
        """Send 0x305 of an inverter."""
        self.model.records[key].requested_at = self.plant.now
        self.plant.port(key).push(REQUEST)

    def step(self, turns: int | None = None) -> None:
        """Run what is due and check it; `turns`: only a part of it."""
        if turns is None:
            self.plant.step()
        else:
            self.plant.step(turns)
        self.model.watch(settled=turns is None)

    def set_setpoints(self, setpoints: AllSetpoints) -> None:
        """Change the setpoints and temporary limits."""
        self.model.setpoints = setpoints
        self.plant.gateway.set_setpoints(setpoints)
        self.step()

    def apply(self, **options: Any) -> None:
        """Change the configuration."""
        self.plant.apply(**options)
        self.model.follow_configuration()
        self.step()
