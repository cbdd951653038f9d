"""Packs on one bus: rules that hold for every bank, load and blocked path."""

from math import isfinite

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.simulator.physics import (
    BOTH_WAYS,
    NO_PATH,
    Pack,
    PackState,
    Path,
    rest_voltage,
    soc_of,
    solve_bus,
    state_of,
    step,
)

EQUAL = Pack(capacity_ah=100, resistance=0.02)

paths = st.builds(Path, st.booleans(), st.booleans())
sources = st.tuples(st.floats(30, 65), st.floats(0.001, 0.5), paths)
banks = st.lists(sources, min_size=1, max_size=8)
demands = st.floats(-2000, 2000)


def _solve(
    bank: list[tuple[float, float, Path]], demand: float
) -> tuple[float, list[float]]:
    return solve_bus(
        [source for source, _, _ in bank],
        [resistance for _, resistance, _ in bank],
        [path for _, _, path in bank],
        demand,
    )


@given(banks, demands)
def test_no_current_passes_a_blocked_path(
    bank: list[tuple[float, float, Path]], demand: float
) -> None:
    """A blocked direction carries nothing, whatever the others do."""
    _, currents = _solve(bank, demand)
    for (_, _, path), current in zip(bank, currents, strict=True):
        assert path.charge or current <= 0
        assert path.discharge or current >= 0


@given(banks, demands)
def test_the_currents_sum_to_the_demand_if_a_path_is_open(
    bank: list[tuple[float, float, Path]], demand: float
) -> None:
    """The inverters' current comes out of the packs, no more and no less."""
    _, currents = _solve(bank, demand)
    leads = any(path.charge if demand > 0 else path.discharge for _, _, path in bank)
    assert sum(currents) == pytest.approx(demand if leads else 0.0, abs=1e-6)


@given(banks, demands)
def test_every_open_pack_obeys_ohm(
    bank: list[tuple[float, float, Path]], demand: float
) -> None:
    """One bus voltage explains every current; a path blocks a pack without any."""
    voltage, currents = _solve(bank, demand)
    assert isfinite(voltage)
    if all(path == NO_PATH for _, _, path in bank):
        assert voltage == 0.0
        return
    for (source, resistance, path), current in zip(bank, currents, strict=True):
        free = (voltage - source) / resistance
        allowed = path.charge if free > 0 else path.discharge
        assert current == pytest.approx(free if allowed else 0.0, abs=1e-9)


@given(st.integers(1, 8), demands)
def test_equal_packs_share_equally(count: int, demand: float) -> None:
    """Identical packs carry the same."""
    states = [state_of(EQUAL, 50)] * count
    _, after = step([EQUAL] * count, states, [BOTH_WAYS] * count, demand, 1.0)
    for state in after:
        assert state.current == pytest.approx(demand / count, abs=1e-6)


@given(demands)
def test_unequal_packs_share_by_resistance(demand: float) -> None:
    """At the same voltage behind it, half the resistance carries twice the current."""
    packs = [Pack(capacity_ah=100, resistance=r) for r in (0.01, 0.02)]
    states = [state_of(pack, 50) for pack in packs]
    _, (low, high) = step(packs, states, [BOTH_WAYS] * 2, demand, 1.0)
    assert low.current == pytest.approx(2 * high.current, abs=1e-6)


def test_a_fuller_pack_feeds_an_emptier_one() -> None:
    """At rest the voltage difference drives a circulating current.

    By the curve: 80 % is 53.28 V, 40 % is 52.48 V; 0.8 V over 2 x 0.02 ohm is 20 A.
    """
    states = [state_of(EQUAL, 80), state_of(EQUAL, 40)]
    voltage, (fuller, emptier) = step([EQUAL] * 2, states, [BOTH_WAYS] * 2, 0.0, 1.0)
    assert (fuller.current, emptier.current) == pytest.approx((-20.0, 20.0))
    assert voltage == pytest.approx(52.88)


def test_with_every_charge_path_blocked_nothing_flows_in() -> None:
    """The bus voltage stays at the packs.

    The fuller one (53.28 V) would discharge first.
    """
    states = [state_of(EQUAL, 80), state_of(EQUAL, 40)]
    blocked = Path(charge=False)
    voltage, after = step([EQUAL] * 2, states, [blocked] * 2, 50.0, 1.0)
    assert [state.current for state in after] == [0.0, 0.0]
    assert voltage == pytest.approx(53.28)


@given(
    st.lists(
        st.tuples(st.floats(5, 1000), st.floats(0.001, 0.2), st.floats(0, 100)),
        min_size=1,
        max_size=5,
    ),
    st.lists(
        st.tuples(st.floats(-500, 500), st.lists(paths, min_size=5, max_size=5)),
        max_size=50,
    ),
    st.sampled_from([0.1, 1.0, 10.0]),
)
def test_charge_is_conserved(
    makes: list[tuple[float, float, float]],
    hours: list[tuple[float, list[Path]]],
    dt: float,
) -> None:
    """The charge that flowed is what the packs gain, and no value is ever not a number."""
    packs = [Pack(capacity_ah=ah, resistance=ohm) for ah, ohm, _ in makes]
    states = [
        state_of(pack, soc) for pack, (_, _, soc) in zip(packs, makes, strict=True)
    ]
    begin = sum(state.charge_ah for state in states)
    flowed = 0.0
    for demand, blocked in hours:
        voltage, states = step(packs, states, blocked[: len(packs)], demand, dt)
        flowed += sum(state.current for state in states) * dt / 3600
        assert isfinite(voltage)
    assert sum(state.charge_ah for state in states) == pytest.approx(begin + flowed)
    assert all(_is_finite(state) for state in states)


def test_polarisation_comes_and_goes() -> None:
    """After a step the voltage drifts by the polarisation, and back afterwards."""
    pack = Pack(
        capacity_ah=10_000,
        resistance=0.02,
        polarisation_resistance=0.01,
        polarisation_time=100.0,
    )
    states = [state_of(pack, 50)]
    at_first, states = step([pack], states, [BOTH_WAYS], 100.0, 1.0)
    for _ in range(1000):
        settled, states = step([pack], states, [BOTH_WAYS], 100.0, 1.0)
    assert at_first == pytest.approx(rest_voltage(pack, 50) + 2.0)
    # 28 Ah more in 10,000 are 0.3 %, 4 mV by the curve
    assert settled == pytest.approx(at_first + 1.0, abs=0.01)
    for _ in range(1000):
        rested, states = step([pack], states, [BOTH_WAYS], 0.0, 1.0)
    assert rested == pytest.approx(rest_voltage(pack, 50), abs=0.01)


def test_a_pack_warms_by_its_current_and_cools_to_its_surroundings() -> None:
    """100 A through 0.02 ohm are 200 W; 100 Ah take 45 kJ for 1 K."""
    states = [state_of(EQUAL, 50)]
    _, states = step([EQUAL], states, [BOTH_WAYS], 100.0, 10.0)
    warm = states[0].temperature
    assert warm == pytest.approx(20 + 200 * 10 / 45_000)
    for _ in range(10_000):
        _, states = step([EQUAL], states, [BOTH_WAYS], 0.0, 10.0)
    assert states[0].temperature == pytest.approx(20.0, abs=1e-3)


@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_the_rest_voltage_rises_with_the_charge(one: float, other: float) -> None:
    """More charge is never less voltage, also beyond the ends."""
    low, high = sorted((one, other))
    assert 32.0 <= rest_voltage(EQUAL, low) <= rest_voltage(EQUAL, high) <= 62.4


def test_state_of_charge_is_of_the_capacity() -> None:
    """50 Ah in a pack of 200 Ah are 25 %."""
    pack = Pack(capacity_ah=200)
    assert soc_of(pack, PackState(charge_ah=50)) == 25.0
    assert state_of(pack, 25.0).charge_ah == 50.0


def _is_finite(state: PackState) -> bool:
    return all(
        map(
            isfinite,
            (
                state.charge_ah,
                state.polarisation,
                state.current,
                state.voltage,
                state.temperature,
            ),
        )
    )
