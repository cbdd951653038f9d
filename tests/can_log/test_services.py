"""Recording a port's traffic to a file."""

from datetime import timedelta
from functools import partial
import logging
from pathlib import Path
import threading
from typing import Any
from unittest.mock import patch

import can
import pytest

from custom_components.bms_gateway.can_log.files import MAX_LOGS, append
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.can.log.candump import Logged, parse
from custom_components.bms_gateway.engine.can.log.recording import Recording
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from ..bench import Bench, telegram


@pytest.fixture(autouse=True)
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return the folder of the logs, which does not exist yet."""
    hass.config.config_dir = str(tmp_path)
    return tmp_path / DOMAIN


async def call(
    bench: Bench, action: str, target: str = "b1", **data: Any
) -> dict[str, Any]:
    """Call an action for a device, and return its response."""
    device_id = dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, target), config_entry_id="gw"
    )
    answer = await bench.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device_id, **data},
        blocking=True,
        return_response=True,
    )
    assert isinstance(answer, dict)
    return dict(answer)


record = partial(call, action="record_traffic")


async def send_telegram(bench: Bench, battery_id: str = "b1") -> None:
    """Send a battery's telegram, and wait until all of it is received."""
    before = bench.snapshot.ports[battery_id].received
    bench.send(battery_id, telegram())
    await bench.until(
        lambda: bench.snapshot.ports[battery_id].received == before + len(telegram())
    )


async def pass_by(bench: Bench, seconds: float) -> None:
    """Advance the time and finish background writes."""
    await bench.tick(seconds)
    await bench.hass.async_block_till_done(wait_background_tasks=True)


async def refused(coroutine: Any) -> str:
    """Return the reason for which our code rejects a call."""
    with pytest.raises(HomeAssistantError) as action_error:
        await coroutine
    assert action_error.value.translation_domain == DOMAIN
    assert str(action_error.value) != action_error.value.translation_key
    return str(action_error.value.translation_key)


def logged(path: Path) -> list[Logged]:
    """Return the frames of a log."""
    return list(parse(path.read_text(encoding="ascii").splitlines()))


def put(folder: Path, **texts: str | bytes) -> None:
    """Put files in the folder of the logs, by their names without .log."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        content = text.encode() if isinstance(text, str) else text
        (folder / f"{name}.log").write_bytes(content)


def occupy(folder: Path, *, end: bool = False) -> None:
    """Put a file in place of the folder, or remove it."""
    if end:
        folder.unlink()
    else:
        folder.touch()


def names(folder: Path) -> list[str]:
    """Return the names of the existing files."""
    return [each.name for each in folder.glob("*")]


async def test_all_traffic_is_recorded(bench: Bench, folder: Path) -> None:
    """Received and sent frames; the response comes at once."""
    await bench.battery("b1").inverter("i1").start()
    before = dt_util.utcnow().timestamp()
    answer = await record(bench, target="i1", duration={"seconds": 90}, file="a.log")
    assert answer["path"] == str(folder / "a.log")
    assert answer["file"] == "a.log"
    end = dt_util.parse_datetime(answer["ends_at"])
    assert end is not None
    after = dt_util.utcnow().timestamp()
    assert before + 90 <= end.timestamp() <= after + 90
    bench.send("i1", [(0x305, bytes(8))])
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    await pass_by(bench, 2)
    frames = logged(folder / "a.log")
    assert 0x305 in {each.frame.can_id for each in frames if not each.own}
    sent = [each.frame.can_id for each in frames if each.own]
    assert {0x351, 0x355, 0x356, 0x35C, 0x35E, 0x359} <= set(sent)
    after = dt_util.utcnow().timestamp()
    assert all(before - 1 <= each.frame.at <= after + 1 for each in frames)
    with can.CanutilsLogReader(folder / "a.log") as reader:
        assert len(list(reader)) == len(frames)


async def test_recording_ends_by_itself(bench: Bench, folder: Path) -> None:
    """The port can then be recorded again; a file's name gives device and time."""
    await bench.battery("b1").start()
    first = await record(bench)
    assert first["file"].startswith("my_b1-")
    await send_telegram(bench)
    assert await refused(record(bench, file="b.log")) == "already_recording"
    await pass_by(bench, 61)
    await send_telegram(bench)
    assert len(logged(Path(first["path"]))) == len(telegram())
    await record(bench, file="b.log")
    await send_telegram(bench)
    await pass_by(bench, 2)
    assert len(logged(folder / "b.log")) == len(telegram())


async def test_two_ports_are_recorded_at_the_same_time(
    bench: Bench, folder: Path
) -> None:
    """Each in a file of its own."""
    await bench.battery("b1").battery("b2").start()
    await record(bench, target="b1", file="1.log")
    await record(bench, target="b2", file="2.log")
    await send_telegram(bench, "b2")
    await pass_by(bench, 2)
    assert logged(folder / "1.log") == []
    assert len(logged(folder / "2.log")) == len(telegram())


async def test_second_of_two_simultaneous_calls_is_rejected(
    bench: Bench, folder: Path
) -> None:
    """It comes while the file of the first is being created."""
    await bench.battery("b1").start()
    calls = [
        bench.hass.async_create_task(record(bench, file=f"{k}.log")) for k in range(2)
    ]
    await calls[0]
    assert await refused(calls[1]) == "already_recording"
    assert names(folder) == ["0.log"]


@pytest.mark.parametrize("way", ["unload", "stop"])
async def test_nothing_is_lost_at_the_end(bench: Bench, folder: Path, way: str) -> None:
    """All frames until then are in the file, and no timer is left."""
    await bench.battery("b1").start()
    await record(bench, file="a.log", duration=3600)
    await send_telegram(bench)
    recorder = bench.runtime.recorder
    device = bench.runtime.config.batteries[0]
    if way == "unload":
        await bench.hass.config_entries.async_unload("gw")
    else:
        bench.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        await bench.hass.async_block_till_done()
    assert len(logged(folder / "a.log")) == len(telegram())
    late = recorder.async_record(device, folder / "b.log", timedelta(1))
    assert await refused(late) == "already_recording"
    assert names(folder) == ["a.log"]


async def test_writing_does_not_block_the_event_loop(
    bench: Bench, folder: Path
) -> None:
    """A slow disk must not delay frames to the inverters; written in batches."""
    await bench.battery("b1").start()
    threads = []

    def spy(path: Path, text: str) -> None:
        threads.append(threading.get_ident())
        append(path, text)

    with patch("custom_components.bms_gateway.can_log.recorder.append", spy):
        await record(bench, file="a.log")
        await send_telegram(bench)
        await pass_by(bench, 2)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_full_file_ends_the_recording(bench: Bench, folder: Path) -> None:
    """With whole lines, before its time."""
    await bench.battery("b1").start()
    small = partial(Recording, largest=200)
    with patch("custom_components.bms_gateway.can_log.recorder.Recording", small):
        await record(bench, file="a.log")
    await send_telegram(bench)
    await pass_by(bench, 2)
    assert (folder / "a.log").stat().st_size <= 200
    assert 0 < len(logged(folder / "a.log")) < len(telegram())
    await record(bench, file="b.log")


async def test_failing_disk_ends_the_recording(
    bench: Bench, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and the gateway continues."""
    await bench.battery("b1").start()
    await record(bench, file="a.log")
    with patch(
        "custom_components.bms_gateway.can_log.recorder.append",
        side_effect=OSError("full"),
    ):
        await send_telegram(bench)
        await pass_by(bench, 2)
        await send_telegram(bench)
        await pass_by(bench, 4)
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.getMessage() for each in errors] == [
        f"Recording to {folder / 'a.log'} ended: full"
    ]
    await record(bench, file="b.log")


async def test_nothing_is_recorded_without_a_file(bench: Bench, folder: Path) -> None:
    """And the next attempt starts anew."""
    await bench.battery("b1").start()
    occupy(folder)
    assert await refused(record(bench, file="a.log")) == "log_not_written"
    occupy(folder, end=True)
    await record(bench, file="a.log")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a.log", "bad_log_name"),
        ("/etc/a.log", "bad_log_name"),
        ("a/b.log", "bad_log_name"),
        ("a\\b.log", "bad_log_name"),
        (".log", "bad_log_name"),
        ("..log", "bad_log_name"),
        ("a.log\n", "bad_log_name"),
        ("a.log\0", "bad_log_name"),
        ("a.txt", "bad_log_name"),
        ("ä.log", "bad_log_name"),
        ("", "bad_log_name"),
        ("x" * 300 + ".log", "bad_log_name"),
        ("there.log", "log_exists"),
    ],
)
async def test_file_is_new_and_inside_its_folder(
    bench: Bench, folder: Path, name: str, reason: str
) -> None:
    """Nothing is replaced, and nothing is written elsewhere."""
    await bench.battery("b1").start()
    put(folder, there="mine")
    assert await refused(record(bench, file=name)) == reason
    assert names(folder) == ["there.log"]
    assert (folder / "there.log").read_text() == "mine"
    assert names(folder.parent) == [DOMAIN]


async def test_number_of_logs_is_limited(bench: Bench, folder: Path) -> None:
    """An automation that records on every event must not fill the disk."""
    await bench.battery("b1").start()
    put(folder, **{f"n{k}": "" for k in range(MAX_LOGS)})
    assert await refused(record(bench)) == "too_many_logs"
    assert len(names(folder)) == MAX_LOGS


@pytest.mark.parametrize("duration", [0, 0.5, 3601, -5, {"days": 1}])
async def test_duration_is_limited(
    bench: Bench, folder: Path, duration: object
) -> None:
    """From a second to an hour."""
    await bench.battery("b1").start()
    reason = await refused(record(bench, duration=duration))
    assert reason == "bad_recording_duration"
    assert names(folder) == []


async def test_only_loaded_devices_with_a_port_can_be_recorded(
    bench: Bench, folder: Path
) -> None:
    """Not the gateway, no unknown device, none that is not loaded."""
    await bench.battery("b1").start()
    gateway = record(bench, target="gw", file="a.log")
    assert await refused(gateway) == "no_battery_or_inverter"
    with pytest.raises(ServiceValidationError) as unknown:
        await bench.hass.services.async_call(
            DOMAIN,
            "record_traffic",
            {"device_id": "none", "file": "a.log"},
            blocking=True,
        )
    assert unknown.value.translation_key == "service_device_not_found"
    await bench.hass.config_entries.async_unload("gw")
    with pytest.raises(ServiceValidationError) as unloaded:
        await record(bench, file="a.log")
    assert unloaded.value.translation_key == "service_config_entry_not_loaded"
    assert names(folder) == []
