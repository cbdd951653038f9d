"""What every profile keeps to: its frames are those of its DBC file, bit by bit."""

from typing import Final

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Telegram
from custom_components.bms_gateway.engine.presets import PRESETS, Make, Profile
from custom_components.bms_gateway.engine.protocol import encode

from .reading import ALARM, FOLDER, WARNING, covered, message, raised, read, values
from .telegrams import OPTIONAL, TELEGRAM, changed, sent, signals

TELEGRAMS: Final = pytest.mark.parametrize(
    "telegram",
    [
        pytest.param(TELEGRAM, id="known"),
        pytest.param(changed(**dict.fromkeys(OPTIONAL)), id="unknown"),
        pytest.param(
            changed(
                force_charge=True,
                force_charge_2=True,
                full_charge=True,
                protections=frozenset(Alarm),
                warnings=frozenset(Alarm),
            ),
            id="everything",
        ),
    ],
)
EVERY_PROFILE: Final = pytest.mark.parametrize("profile", Profile)


def test_every_profile_has_a_file_and_every_file_a_profile() -> None:
    """Of the same name."""
    assert {path.stem for path in FOLDER.glob("*.dbc")} == set(Profile)


@EVERY_PROFILE
@TELEGRAMS
def test_every_frame_is_in_the_file_with_its_length(
    profile: Profile, telegram: Telegram
) -> None:
    """Padded to 8 bytes, or exactly as long as in the document."""
    padded = sent(profile, telegram)
    exact = sent(profile, telegram, exact_dlc=True)
    assert padded
    for long, short in zip(padded, exact, strict=True):
        assert long.can_id == short.can_id
        assert len(long.data) == 8
        assert len(short.data) == message(profile, long.can_id).length, hex(long.can_id)
        assert long.data.startswith(short.data)


@EVERY_PROFILE
@TELEGRAMS
def test_bits_without_a_meaning_are_0(profile: Profile, telegram: Telegram) -> None:
    """What a document reserves, and the padding."""
    for frame in sent(profile, telegram):
        meant = covered(message(profile, frame.can_id))
        bits = int.from_bytes(frame.data, "little")
        assert bits & ~meant == 0, frame


@EVERY_PROFILE
@pytest.mark.parametrize("half", [ALARM, WARNING])
@pytest.mark.parametrize("alarm", Alarm)
def test_an_alarm_is_raised_and_ended(
    profile: Profile, half: str, alarm: Alarm
) -> None:
    """In its half alone; when it is over, none is left, and none left to be ended."""
    name = {ALARM: "protections", WARNING: "warnings"}[half]
    other = {ALARM: WARNING, WARNING: ALARM}[half]
    during = read(profile, sent(profile, changed(**{name: frozenset({alarm})})))
    assert raised(during, half)
    assert raised(during, other) == frozenset()
    after = read(profile, sent(profile, TELEGRAM))
    assert raised(after, half) == frozenset()
    ended = {(s.can_id, s.signal.name): s.value for s in after}
    for each in during:
        if each.value == "raised":  # a pair of bits: 0 would keep it raised
            assert ended[each.can_id, each.signal.name] == "not raised"


def test_a_current_is_turned_for_a_deye_whatever_its_type() -> None:
    """Discharge is positive there: 0x0064 is 10.0 A out of the battery."""
    for current in (-10.0, -10):
        frames = {
            f.can_id: f.data for f in sent(Profile.DEYE, changed(current=current))
        }
        assert frames[0x356][2:4] == bytes.fromhex("6400")


@pytest.mark.parametrize("make", Make)
def test_name_and_tag_of_a_make_are_read(make: Make) -> None:
    """What an inverter recognises its battery by; only some profiles have a tag."""
    preset = PRESETS[make]
    frames = encode(
        TELEGRAM, profile=preset.profile, name=preset.name_prefix, tag=preset.tag
    )
    found = read(preset.profile, frames)
    assert [each.value for each in values(found, "name")] == [preset.name_prefix]
    tag = preset.tag.decode("ascii")
    assert [each.value for each in values(found, "tag")] == [tag] * len(
        signals(preset.profile, "tag")
    )
