"""CAN logs and can-utils: canplayer plays our logs, candump's logs are read."""

from dataclasses import replace
from pathlib import Path
import subprocess

import pytest

from custom_components.bms_gateway.engine.can.log.candump import Logged, parse, written
from custom_components.bms_gateway.engine.model import Frame
from tests.waiting import wait_until

from .conftest import LinkFactory
from .peers import recording

pytestmark = pytest.mark.socketcan

FRAMES = (
    Frame(0x351, bytes.fromhex("30020A000A00E001")),
    Frame(0x001),
    Frame(0x7FF, b"\x01"),
    Frame(0x305, remote=True),
    Frame(0x18FF0001, b"\x01\x02", extended=True),
    Frame(0x00000351, b"\x03", extended=True),
    Frame(0x35E, b"PYLON   "),
)


def test_own_logs_are_played_and_candump_logs_are_read(
    can_link: LinkFactory, tmp_path: Path
) -> None:
    """With every kind of frame, of any sender."""
    link = can_link()
    log = [
        Logged(replace(frame, at=1.7e9 + k / 100), "can0", own=k % 2 == 1)
        for k, frame in enumerate(FRAMES)
    ]
    ours, theirs = tmp_path / "ours.log", tmp_path / "theirs.log"
    ours.write_text("".join(f"{written(each)}\n" for each in log), "ascii")
    with recording(theirs):
        command = ("canplayer", "-I", str(ours), f"{link.name}=can0")
        subprocess.run(command, check=True, timeout=60)
        wait_until(
            lambda: theirs.read_text("ascii").count("\n") >= len(FRAMES),
            "candump has written all frames",
        )
    parsed = list(parse(theirs.read_text("ascii").splitlines()))
    assert [replace(each.frame, at=0.0) for each in parsed] == list(FRAMES)
    assert {each.link for each in parsed} == {link.name}
