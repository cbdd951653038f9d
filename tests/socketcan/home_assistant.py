"""A real Home Assistant in a process of its own, used over its HTTP API."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
import json
from pathlib import Path
import subprocess
import sys
from typing import Any, Final
from urllib.parse import urlencode

from tests.waiting import wait_until

from .hold_loop import HELD

INTEGRATION: Final = Path(__file__).parents[2] / "custom_components/bms_gateway"
FOR_TESTS: Final = tuple(
    Path(__file__).parent / name for name in ("hold_loop", "listen_briefly")
)

CONFIGURATION: Final = """
config:
history:
hold_loop:
listen_briefly:
logbook:
"""

FRONTEND: Final = """
homeassistant:
  auth_mfa_modules: []  # they would be downloaded
config:
frontend:
"""
ONBOARDED: Final = {
    "version": 4,
    "minor_version": 1,
    "key": "onboarding",
    "data": {"done": ["core_config", "analytics", "integration"]},
}
"""A new user's answers, except for the user name."""

_HOST: Final = "127.0.0.1"
_PORT: Final = 8123
_URL: Final = f"http://{_HOST}:{_PORT}/"
_BOOT: Final = 300.0
"""Seconds that a start may take on a slow machine."""
_FLOW: Final = "/api/config/config_entries/flow"

type Answers = Mapping[str, Any]
"""Input of a form, by the keys of its fields."""


class HomeAssistant:
    """A running Home Assistant whose owner is signed in."""

    address: Final = _URL.rstrip("/")

    def __init__(self, log: Path) -> None:
        """Use the instance that writes this log."""
        self._log = log
        self._token = ""

    @property
    def log(self) -> str:
        """The log so far."""
        return self._log.read_text("utf-8")

    def onboard(self) -> None:
        """Create its first user, as in a browser."""
        self._wait_for_answer()
        user = {"client_id": _URL, "name": "A", "username": "a", "password": "a"}
        made = self.post("/api/onboarding/users", {**user, "language": "en"})
        grant = {
            "client_id": _URL,
            "grant_type": "authorization_code",
            "code": made["auth_code"],
        }
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        with _asking("POST", "/auth/token", urlencode(grant), form) as asking:
            self._token = _answer(asking)["access_token"]
        wait_until(
            lambda: self.get("/api/config")["state"] == "RUNNING",
            "Home Assistant runs",
            _BOOT,
        )

    def get(self, path: str) -> Any:
        """Send a GET request."""
        return self._ask("GET", path)

    def post(self, path: str, body: Answers) -> Any:
        """Send a POST request."""
        return self._ask("POST", path, body)

    def call(self, action: str, data: Answers) -> None:
        """Perform an action, such as `number/set_value`."""
        self.post(f"/api/services/{action}", data)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Block its event loop for the block."""
        held = self._log.with_name(HELD)
        path = "/api/services/hold_loop/hold"
        with _asking("POST", path, "{}", self._headers) as asking:
            wait_until(held.exists, "the loop is held")
            try:
                yield
            finally:
                held.unlink()
            _answer(asking)

    def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        shown: str = self.get(f"/api/states/{entity_id}")["state"]
        return shown

    def add_gateway(
        self, batteries: Mapping[str, float], inverters: Mapping[str, float]
    ) -> str:
        """Set up a gateway named Bank with the forms; return the id of its entry.

        Batteries B1, B2, … by their links, with capacities (Ah); inverters I1, I2, …
        by theirs, with ratings (A). Discharge stops as soon as charge does.
        """
        shown = self.post(_FLOW, {"handler": "bms_gateway"})
        for step, answers in _steps(batteries, inverters):
            shown = self._listened(shown)
            if shown["step_id"] == "scan_result":  # an inverter is still silent
                shown = self._answer_form(shown, {"next_step_id": step})
            assert shown["step_id"] == step and not shown.get("errors"), shown
            shown = self._answer_form(shown, answers)
        assert shown["type"] == "create_entry", shown
        entry_id: str = shown["result"]["entry_id"]
        return entry_id

    def remove_gateway(self, entry_id: str) -> None:
        """Delete a config entry."""
        self._ask("DELETE", f"/api/config/config_entries/entry/{entry_id}")

    def _answer_form(self, shown: Any, answers: Answers) -> Any:
        return self.post(f"{_FLOW}/{shown['flow_id']}", answers)

    def _listened(self, shown: Any) -> Any:
        """Return what a flow shows after its scan."""

        path = f"{_FLOW}/{shown['flow_id']}"

        def look() -> Any:
            now = self.get(path)
            return None if now["type"] == "progress" else now

        if shown["type"] == "progress":
            shown = wait_until(look, "the form has listened")
        return shown

    def _ask(self, method: str, path: str, body: Answers | None = None) -> Any:
        text = None if body is None else json.dumps(body)
        with _asking(method, path, text, self._headers) as asking:
            return _answer(asking)

    @property
    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
        }

    def _wait_for_answer(self) -> None:
        def answers() -> bool:
            try:
                return bool(self.get("/api/onboarding"))
            except ConnectionRefusedError:
                return False

        wait_until(answers, "Home Assistant answers", _BOOT)


@contextmanager
def running(folder: Path, *, frontend: bool = False) -> Iterator[HomeAssistant]:
    """Start Home Assistant with a new configuration folder; stop it at the end.

    `frontend`: for use with a browser, with only the data that a user has.
    """
    components = folder / "custom_components"
    components.mkdir(parents=True)
    for component in (INTEGRATION, *FOR_TESTS):
        (components / component.name).symlink_to(component)
    configuration = FRONTEND if frontend else CONFIGURATION
    (folder / "configuration.yaml").write_text(configuration, "ascii")
    storage = folder / ".storage"
    storage.mkdir()
    (storage / "onboarding").write_text(json.dumps(ONBOARDED), "ascii")
    log = folder / "log"
    command = (sys.executable, "-m", "homeassistant", "--config", folder, "--skip-pip")
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,  # where no other `custom_components` is found first
        )
    try:
        home_assistant = HomeAssistant(log)
        home_assistant.onboard()
        yield home_assistant
    finally:
        process.terminate()
        process.wait(_BOOT)


def _steps(
    batteries: Mapping[str, float], inverters: Mapping[str, float]
) -> Iterator[tuple[str, Answers]]:
    """Return each form or menu shown, and its answer.

    All else is left as the forms propose it.
    """
    yield "user", {"next_step_id": "gateway"}
    yield "gateway", {"name": "Bank", "backup": False}
    for number, (channel, capacity) in enumerate(batteries.items(), 1):
        if number > 1:
            yield "more", {"next_step_id": "add_battery"}
        yield "port", {"connection": f"socketcan:{channel}", "advanced": {}}
        yield "battery", {"name": f"B{number}", "capacity_ah": capacity, "advanced": {}}
    for number, (channel, rating) in enumerate(inverters.items(), 1):
        yield "more", {"next_step_id": "add_inverter"}
        yield "port", {"connection": f"socketcan:{channel}", "advanced": {}}
        rated = {"rated_charge": rating, "rated_discharge": rating, "make": "deye"}
        yield "inverter", {"name": f"I{number}", **rated, "advanced": {}}
    yield "more", {"next_step_id": "finish"}


@contextmanager
def _asking(
    method: str, path: str, body: str | None, headers: dict[str, str]
) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(_HOST, _PORT)) as connection:
        connection.request(method, path, body, headers)
        yield connection


def _answer(asking: HTTPConnection) -> Any:
    with asking.getresponse() as answer:
        text = answer.read().decode()
    assert answer.status < 400, f"{answer.status}: {text}"
    return json.loads(text)
