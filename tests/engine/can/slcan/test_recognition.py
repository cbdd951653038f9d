"""Recognition of adapters with LAWICEL's protocol on a serial line.

The time-outs are the real ones, on a line with a clock of its own.
"""

from collections.abc import Callable, Iterable
from itertools import chain, count
from random import Random
import re

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.bus import as_message
from custom_components.bms_gateway.engine.can.interface.state import PortError
from custom_components.bms_gateway.engine.can.slcan import codec
from custom_components.bms_gateway.engine.can.slcan.recognition import Evidence
from custom_components.bms_gateway.engine.can.stream_backend import OPEN_TIMEOUT
from custom_components.bms_gateway.engine.model import Frame, PortFault, PortReason

from ... import waveshare
from ...serial_line import Answers, SerialLine, Unsolicited, every, greeted
from ...telegrams import telegram

ACKNOWLEDGING = {"": b"\r", "C": b"\r", "S": b"\r", "O": b"\r", "V": b"V1013\r"}
BOOT_TIME = 2.0
"""Seconds that an adapter needs to restart when it is opened."""


def table(answers: dict[str, bytes], otherwise: bytes = b"") -> Answers:
    """Return answers by the first letter of a command; none to other commands."""
    return lambda command: answers.get(command[:1].decode(), otherwise)


def noise(size: int, seed: int = 0) -> bytes:
    """Return what is received at a different speed of the line."""
    return Random(seed).randbytes(size)


NO_ANSWERS = table({})
WORDS = b"b158aa7 github.com/a-maker/a-firmware"

ADAPTERS: dict[str, tuple[Answers, Unsolicited, bool]] = {
    "all answers": (table(ACKNOWLEDGING), (), True),
    "closed already": (table(ACKNOWLEDGING | {"": b"\a", "C": b"\a"}), (), True),
    "line feeds": (table({k: v + b"\n" for k, v in ACKNOWLEDGING.items()}), (), True),
    "no version": (table(ACKNOWLEDGING | {"V": b"\a"}), (), True),
    "version in words": (table({"V": WORDS + b"\r"}), (), False),
    "words and line feed": (table({"V": WORDS + b"\r\n"}), (), False),
    "words of more than a packet": (table({"V": 2 * WORDS + b"\r"}), (), False),
    "words and answers": (table(ACKNOWLEDGING | {"V": WORDS + b"\r"}), (), True),
    "version of one figure": (table({"V": b"V1\r"}), (), False),
    "small version": (table({"V": b"v0107\r"}), (), False),
    "frames alone": (NO_ANSWERS, every(1.0, b"t35110A\r"), False),
    "29 bits": (NO_ANSWERS, every(1.0, b"T0000035110A\r"), False),
    "remote frames": (NO_ANSWERS, every(1.0, b"r3518\r"), False),
    "time stamps": (NO_ANSWERS, every(1.0, b"t35110A03E7\r"), False),
    "frames with line feeds": (NO_ANSWERS, every(1.0, b"t35110A\r\n"), False),
    "frames, the first one cut": (
        NO_ANSWERS,
        chain([(0.0, b"0203\r")], every(1.0, b"t35110A\r")),
        False,
    ),
    "a frame in two pieces": (
        NO_ANSWERS,
        (each for n in count() for each in ((n, b"t351"), (n + 0.5, b"10A\r"))),
        False,
    ),
    "a full bus": (
        table(ACKNOWLEDGING),
        every(0.0005, b"t35180102030405060708\r"),
        True,
    ),
    "a disturbed bus": (table(ACKNOWLEDGING), every(0.3, b"e1a\r"), True),
    "one bad line": (table(ACKNOWLEDGING), [(0.1, b"\xfft35\r")], True),
    "bad lines now and then": (
        NO_ANSWERS,
        every(0.1, b"t35110A\rt35110A\rt35\x00110A\r"),
        False,
    ),
}
"""Adapters: their answers, what they send unasked, whether they acknowledge."""


@pytest.mark.parametrize(
    ("answers", "unsolicited", "acknowledges"), ADAPTERS.values(), ids=ADAPTERS
)
def test_adapter_with_the_protocol_is_recognised(
    answers: Answers, unsolicited: Unsolicited, acknowledges: bool
) -> None:
    """However little of it is implemented."""
    line = SerialLine(answers, unsolicited)
    assert greeted(line).acknowledges is acknowledges
    assert line.commands[-2:] == ["S6", "O"]
    assert line.now < OPEN_TIMEOUT


BOOTS: dict[str, list[bytes]] = {
    "silent": [],
    "words": [b"boot %d\r\n" % n for n in range(20)],
    "the same words": [b"starting\r\n"] * 20,
    "words without an end": [b"."] * 20,
    "another speed": [noise(90, n) for n in range(20)],
    "bells and returns": [b"\a\r"] * 20,
}
LATER: dict[str, tuple[Answers, bytes]] = {
    "answers": (table(ACKNOWLEDGING), b""),
    "words": (table({"V": WORDS + b"\r"}), b""),
    "frames": (NO_ANSWERS, b"t35110A\r"),
}


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("boot", BOOTS)
def test_adapter_that_restarts_when_opened_is_recognised(boot: str, later: str) -> None:
    """It answers nothing for 2 s, and its boot messages do not count against it."""
    answers, frames = LATER[later]
    printed = [(n * BOOT_TIME / 20, each) for n, each in enumerate(BOOTS[boot])]
    unsolicited = chain(printed, every(0.5, frames, begin=6.0))
    line = SerialLine(answers, unsolicited, silent_until=BOOT_TIME)
    greeted(line)
    assert line.now < OPEN_TIMEOUT


GPS = (
    b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
    b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
)
BATTERY = telegram(soc=13.0, current=0.7)

STRANGERS: dict[str, tuple[Answers, Unsolicited]] = {
    "receiver of positions": (NO_ANSWERS, every(1.0, GPS)),
    "the same position": (NO_ANSWERS, every(1.0, GPS.split(b"\n")[0] + b"\n")),
    "modem": (lambda _: b"\r\nERROR\r\n", ()),
    "modem, empty line": (lambda each: b"\r\nOK\r\n" if each else b"", ()),
    "modem with an echo": (lambda each: each + b"\r\r\nERROR\r\n", ()),
    "echo": (lambda each: each + b"\r", ()),
    "echo with line feeds": (lambda each: each + b"\r\n", ()),
    "echo without returns": (lambda each: each + b"\n", ()),
    "reader of cars": (lambda _: b"?\r\r>", ()),
    "shell": (lambda each: b"\r\n" + each + b": not found\r\n$ ", ()),
    "another protocol's version": (
        table({"V": b"V 1.67 CUL868\r\n"}, otherwise=b"? (unknown)\r\n"),
        (),
    ),
    "radio": (lambda _: b"\x15", ()),
    "starter that waits": (NO_ANSWERS, every(0.5, b"C")),
    "starter that says so": (NO_ANSWERS, every(1.0, b"waiting\r\n")),
    "log": (NO_ANSWERS, ((n, b"[%d] loop\r\n" % n) for n in count())),
    "lines of zeros": (NO_ANSWERS, every(1.0, b"0\r")),
    "another speed": (NO_ANSWERS, ((n / 50, noise(200, n)) for n in count())),
    "another speed, now and then": (
        NO_ANSWERS,
        ((0.7 + 0.9 * n, noise(20, n)) for n in count()),
    ),
    "nearly Waveshare": (NO_ANSWERS, every(1.0, 2 * b"\xaa\x55" + bytes(18))),
    "bell in rubbish": (table({"S": b"\x80\a"}), ()),
    "bell and rubbish": (table({"S": b"\a\x80\x01"}), ()),
    "bell, then rubbish": (
        table({"S": b"\a"}),
        [(2.9, b"\x80\x01")],
    ),
    "too many returns": (NO_ANSWERS, every(0.1, b"\r")),
    "flood of returns": (NO_ANSWERS, every(0.01, 500 * b"\r")),
    "flood of bells": (NO_ANSWERS, every(0.01, 500 * b"\a")),
    "flood of ones": (NO_ANSWERS, every(0.01, 2000 * b"\xff")),
    "flood of words": (NO_ANSWERS, every(0.01, 500 * b"word\r")),
    "flood without an end": (NO_ANSWERS, every(0.01, 500 * b"word\n")),
    "one version in a flood": (
        table({"V": b"V1013\r"}),
        every(0.01, 500 * b"word\r", begin=0.0),
    ),
}


@pytest.mark.parametrize(("answers", "unsolicited"), STRANGERS.values(), ids=STRANGERS)
def test_other_device_is_refused(answers: Answers, unsolicited: Unsolicited) -> None:
    """With one fault, whatever its bytes are, and in time."""
    line = SerialLine(answers, unsolicited)
    with pytest.raises(PortError, match=re.escape("not speak LAWICEL's")) as raised:
        greeted(line)
    error = raised.value
    assert (error.fault, error.reason) == (PortFault.FAILED, PortReason.NOT_LAWICEL)
    assert line.now < OPEN_TIMEOUT


@pytest.mark.parametrize("soc", [0.0, 7.0, 13.0, 50.0])
@pytest.mark.parametrize("encoded", [waveshare.variable, waveshare.fixed])
@pytest.mark.parametrize("size", [1, 3, 19, 4096])
def test_waveshare_is_recognised_by_its_frames(
    soc: float, encoded: Callable[[Iterable[Frame]], bytes], size: int
) -> None:
    """For any frames of the battery, in any pieces."""
    data = 3 * encoded(telegram(soc=soc, current=1.3))
    pieces = ((0.1 + n / 1e4, data[n : n + size]) for n in range(0, len(data), size))
    line = SerialLine(NO_ANSWERS, pieces)
    with pytest.raises(PortError, match="Waveshare's USB-CAN-A") as raised:
        greeted(line)
    error = raised.value
    assert (error.fault, error.reason) == (PortFault.FAILED, PortReason.NOT_LAWICEL)
    assert line.now < 1.0


def test_waveshare_with_29_bits_is_recognised() -> None:
    """Such frames are longer."""
    frames = [each.__class__(each.can_id, each.data, extended=True) for each in BATTERY]
    for encoded in (waveshare.variable, waveshare.fixed):
        with pytest.raises(PortError, match="Waveshare"):
            greeted(SerialLine(NO_ANSWERS, every(1.0, encoded(frames))))


def test_battery_behind_lawicel_is_not_taken_for_waveshare() -> None:
    """Although its name is full of the first and last bytes of those frames."""
    frame = telegram()[0]
    odd = frame.__class__(0x35E, bytes.fromhex("AAC85503AA5555AA"))
    unsolicited = every(0.1, codec.encode(as_message(odd)))
    assert not greeted(SerialLine(NO_ANSWERS, unsolicited)).acknowledges


def test_version_text_is_recognised_in_any_pieces() -> None:
    """An adapter with native USB sends 64 bytes at once."""
    words, evidence = 2 * WORDS, Evidence()
    evidence.on_command(2 * codec.VERSION)
    for piece in (words[:64], words[64:], b"\r"):
        evidence.on_data(piece)
    text = evidence.text
    assert text is not None
    assert not evidence.is_lawicel
    evidence.begin()
    evidence.on_data(words + b"\r")
    evidence.confirm(text)
    assert evidence.is_lawicel


@pytest.mark.parametrize("unsolicited", [(), every(1.0, b"z\r")])
def test_adapter_without_answers_is_a_fault(unsolicited: Unsolicited) -> None:
    """It may be any device, also one that hangs."""
    line = SerialLine(NO_ANSWERS, unsolicited)
    with pytest.raises(PortError, match="does not answer") as raised:
        greeted(line)
    assert raised.value.reason is PortReason.NOT_LAWICEL
    assert line.now < OPEN_TIMEOUT


def test_refusal_of_the_bitrate_is_a_wrong_bitrate() -> None:
    """It is a lone BEL of an adapter with the protocol."""
    for answers in (ACKNOWLEDGING, {"V": WORDS + b"\r"}, {}):
        line = SerialLine(table(answers | {"S": b"\a"}))
        with pytest.raises(PortError, match="refuses 500000 bit/s") as raised:
            greeted(line)
        assert raised.value.fault is PortFault.WRONG_BITRATE
        assert raised.value.reason is None


def test_other_device_is_sent_only_the_greeting() -> None:
    """Bytes sent to it may have a meaning for it."""
    line = SerialLine(lambda _: b"\r\nERROR\r\n")
    with pytest.raises(PortError):
        greeted(line)
    assert set(line.commands) == {"", "C", "V"}


pieces = st.sampled_from(
    [
        b"\r",
        b"\a",
        b"\n",
        b"V1013\r",
        b"t35110A\r",
        b"t351",
        b"OK",
        b"\xaa\xc8",
        b"\x55",
    ]
) | st.binary(max_size=50)


@given(
    sent=st.lists(st.tuples(st.floats(0.0, 12.0), pieces), max_size=30),
    answers=st.dictionaries(st.sampled_from(["", "C", "V", "S", "O"]), pieces),
    again=st.none() | st.floats(0.001, 3.0),
)
def test_any_device_is_recognised_or_refused_in_time(
    sent: list[tuple[float, bytes]], answers: dict[str, bytes], again: float | None
) -> None:
    """Nothing else is raised, whatever it sends."""
    unsolicited: Unsolicited = sorted(sent)
    if again and sent:
        unsolicited = every(again, b"".join(each for _, each in sent))
    line, fault = SerialLine(table(answers), unsolicited), None
    try:
        greeted(line)
    except PortError as error:
        fault = error.fault
    assert fault in {None, PortFault.FAILED, PortFault.WRONG_BITRATE}
    assert line.now < OPEN_TIMEOUT
