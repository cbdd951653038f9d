"""Prepares a folder for Home Assistant once, with a simulated gateway, and runs it."""

import argparse
from collections.abc import Iterator, Mapping
import contextlib
import ctypes
from datetime import UTC, datetime
import fcntl
import json
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import IO, Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

REPOSITORY = Path(__file__).parents[3]
TEMPLATES = Path(__file__).parent
USER = PASSWORD = "demo"
NAME = "Battery bank"
UPDATE_INTERVAL = 2  # seconds; a visitor wants to see things move
PORT = 8123  # Home Assistant's own
PORTS_TRIED = 100
RESTART = 100  # Home Assistant's exit code when it is to be started again
PATIENCE = 180  # seconds for a start on a slow machine
READY = "ready"


def main() -> int:
    """Run the demo until it is ended; return the exit code."""
    options = arguments()
    folder = options.folder.resolve()
    with owned(folder) as marker:
        ready = not options.reset and marker.read() == READY
        if not ready:
            empty(folder)
            prepare(folder)
        port = free_port(options.host, options.port)
        set_address(folder, options.host, port)
        demo = HomeAssistant(folder, f"http://{reachable(options.host)}:{port}")
        while (code := demo.run(None if ready else marker)) == RESTART:
            ready = True
        return code


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Starts Home Assistant with simulated batteries and inverters.",
    )
    add = parser.add_argument
    add("--reset", action="store_true", help="begin anew, as after the first start")
    add("--port", type=int, help=f"default: {PORT} or the next free one; 0: any")
    add("--host", default="127.0.0.1", help="0.0.0.0: let other machines look, too")
    add("--folder", type=Path, default=REPOSITORY / ".demo", help="default: .demo")
    return parser.parse_args()


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[IO[str]]:
    """Give the file that marks a folder as the demo's, while nobody else has it."""
    path = folder / "demo-state"
    if folder.exists() and not path.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} holds something else than a demo.")
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"A demo is already running in {folder}.")
        marker.seek(0)
        yield marker


def empty(folder: Path) -> None:
    """Remove all but the marker."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "demo-state":
            path.unlink()


def prepare(folder: Path) -> None:
    """Write what Home Assistant reads at its first start."""
    for name in ("configuration.yaml", "dashboard.yaml"):
        shutil.copy(TEMPLATES / name, folder)
    components = folder / "custom_components"
    components.symlink_to(REPOSITORY / "custom_components", target_is_directory=True)
    # The first user is made through the API; the other questions would also set up
    # integrations that speak to the internet
    answered = ["core_config", "analytics", "integration"]
    store(folder, "onboarding", 4, {"done": answered})
    store(
        folder,
        "frontend.system_data",
        1,
        {"core": {"default_panel": "battery-bank", "onboarded_version": "2026.10"}},
    )


def set_address(folder: Path, host: str, port: int) -> None:
    """Store where Home Assistant listens, as its own settings page would."""
    settings = {
        "server_host": [host],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    data = {"stable": settings, "pending": None, "yaml_migration_done": True}
    store(folder, "http", 2, data, minor_version=2)


def store(
    folder: Path,
    key: str,
    version: int,
    data: Mapping[str, Any],
    minor_version: int = 1,
) -> None:
    """Write one of Home Assistant's storage files."""
    path = folder / ".storage" / key
    path.parent.mkdir(exist_ok=True)
    content = {
        "version": version,
        "minor_version": minor_version,
        "key": key,
        "data": data,
    }
    path.write_text(json.dumps(content, indent=2))


def free_port(host: str, wanted: int | None) -> int:
    """Return the port that is wanted; else Home Assistant's usual one or the next."""
    ports = range(PORT, PORT + PORTS_TRIED) if wanted is None else (wanted,)
    for port in ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    sys.exit(f"Port {wanted} is taken." if wanted else "Found no free port.")


def reachable(host: str) -> str:
    """Return where this machine reaches what listens on `host`."""
    return "127.0.0.1" if host == "0.0.0.0" else host


class HomeAssistant:
    """Home Assistant as a process, and its API."""

    def __init__(self, folder: Path, address: str) -> None:
        """Run in a prepared folder, which holds the address, too."""
        self._folder = folder
        self._address = address
        self._headers: dict[str, str] = {}
        self._ending = False

    def run(self, marker: IO[str] | None) -> int:
        """Run it to its end; set it up if there is a marker to tell about it."""
        command = (sys.executable, "-m", "homeassistant", "--config")
        # In a session of its own: Ctrl-C would reach it twice and kill it
        process = subprocess.Popen(
            [*command, self._folder],
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - there is but one thread
        )
        self._end_on_signals(process)
        print("Home Assistant is starting …", flush=True)
        try:
            if self._await_answer(process):
                self._welcome(marker)
        except OSError as error:
            if not self._ending:
                process.terminate()
                process.wait()
                sys.exit(f"The gateway could not be set up: {error}")
        return process.wait()

    def _end_on_signals(self, process: subprocess.Popen[bytes]) -> None:
        """Let it end in good order when the demo is to end."""

        def end(*_: object) -> None:
            self._ending = True
            process.terminate()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, end)

    def _await_answer(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether it answers, or has ended before."""
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(URLError, ConnectionError):
                self._call("/manifest.json")
                return True
            time.sleep(0.2)
        return False

    def _welcome(self, marker: IO[str] | None) -> None:
        """Make the user and the gateway, once, and tell where to look."""
        if marker:
            self._log_in()
            self._add_gateway()
            marker.truncate(0)
            marker.write(READY)
            marker.flush()
        print(
            f"\n  Open {self._address} in a browser: "
            f"user {USER}, password {PASSWORD}. Ctrl-C ends it.\n",
            flush=True,
        )

    def _log_in(self) -> None:
        """Make the first user, as Home Assistant's welcome page does."""
        client = f"{self._address}/"
        user = {
            "name": "Demo",
            "username": USER,
            "password": PASSWORD,
            "client_id": client,
            "language": "en",
        }
        code = self._call("/api/onboarding/users", user)["auth_code"]
        grant = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": client,
        }
        form = urlencode(grant).encode()
        request = Request(f"{self._address}/auth/token", form)
        with urlopen(request) as answer:
            token = json.load(answer)["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"

    def _add_gateway(self) -> None:
        """Go through the dialogues in which a user adds simulated hardware."""
        entries = "/api/config/config_entries"
        flow = self._call(f"{entries}/flow", {"handler": "bms_gateway"})
        step = f"{entries}/flow/{flow['flow_id']}"
        self._call(step, {"next_step_id": "simulated"})
        entry_id = self._call(step, {"name": NAME})["result"]["entry_id"]
        options = f"{entries}/options/flow"
        flow = self._call(options, {"handler": entry_id})
        answers = defaults(flow["data_schema"])
        answers["advanced"]["update_interval"] = UPDATE_INTERVAL
        self._call(f"{options}/{flow['flow_id']}", answers)

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Get, or post JSON; return the JSON that is answered."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self._headers}
        request = Request(self._address + path, data, headers)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)


def die_with_parent() -> None:
    """Let a process end when the demo is killed, too."""
    pr_set_pdeathsig = 1  # linux/prctl.h
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def defaults(schema: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a form holds before anything is typed."""
    return {
        field["name"]: defaults(field["schema"])
        if field.get("type") == "expandable"
        else field["default"]
        for field in schema
        if field.get("type") == "expandable" or "default" in field
    }


sys.exit(main())
