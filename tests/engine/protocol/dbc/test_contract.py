"""What every profile keeps to: its frames are those of its DBC file, bit by bit."""

from typing import Final

import pytest

from custom_components.bms_gateway.engine.config import Profile
from custom_components.bms_gateway.engine.model import Alarm, Telegram
from custom_components.bms_gateway.engine.protocol import encode

from .reading import ALARM, FOLDER, WARNING, covered, message, raised, read
from .telegrams import OPTIONAL, TELEGRAM, changed

UNKNOWN: Final = changed(**dict.fromkeys(OPTIONAL), name=None)
EVERYTHING: Final = changed(
    force_charge=True,
    force_charge_2=True,
    full_charge=True,
    protections=frozenset(Alarm),
    warnings=frozenset(Alarm),
)
TELEGRAMS: Final = pytest.mark.parametrize(
    "telegram",
    [
        pytest.param(TELEGRAM, id="known"),
        pytest.param(UNKNOWN, id="unknown"),
        pytest.param(EVERYTHING, id="everything"),
    ],
)
EVERY_PROFILE: Final = pytest.mark.parametrize("profile", Profile)


def test_every_profile_has_a_file() -> None:
    """Of the same name."""
    assert {path.stem for path in FOLDER.glob("*.dbc")} >= set(Profile)


@EVERY_PROFILE
@TELEGRAMS
def test_every_frame_is_in_the_file_with_its_length(
    profile: Profile, telegram: Telegram
) -> None:
    """Padded to 8 bytes, or exactly as long as in the document."""
    padded = encode(telegram, profile=profile)
    exact = encode(telegram, profile=profile, exact_dlc=True)
    assert padded
    assert [f.can_id for f in padded] == [f.can_id for f in exact]
    for long, short in zip(padded, exact, strict=True):
        assert len(long.data) == 8
        assert len(short.data) == message(profile, long.can_id).length, hex(long.can_id)
        assert long.data.startswith(short.data)


@EVERY_PROFILE
@TELEGRAMS
def test_bits_without_a_meaning_are_0(profile: Profile, telegram: Telegram) -> None:
    """What a document reserves, and the padding."""
    for frame in encode(telegram, profile=profile):
        meant = covered(message(profile, frame.can_id))
        sent = int.from_bytes(frame.data, "little")
        assert sent & ~meant == 0, frame


@EVERY_PROFILE
@pytest.mark.parametrize("half", [ALARM, WARNING])
@pytest.mark.parametrize("alarm", Alarm)
def test_an_alarm_is_raised_and_ended(
    profile: Profile, half: str, alarm: Alarm
) -> None:
    """One alone is read as one alone, in its half, and as none when it is over."""
    name = {ALARM: "protections", WARNING: "warnings"}[half]
    other = {ALARM: WARNING, WARNING: ALARM}[half]
    telegram = changed(**{name: frozenset({alarm})})
    during = read(profile, encode(telegram, profile=profile))
    assert len(raised(during, half)) == 1
    assert raised(during, other) == frozenset()
    after = read(profile, encode(TELEGRAM, profile=profile))
    assert raised(after, half) == frozenset()
    ended = {s.signal.name: s.value for s in after}
    for each in during:
        if each.value == "raised":
            assert ended[each.signal.name] == "not raised"  # 0 would keep it raised
