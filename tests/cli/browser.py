"""A real browser, spoken to through its DevTools protocol on the loopback interface."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

PROGRAM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_PATIENCE_S: Final = 60


class Tab:
    """A tab. Whatever it loads from elsewhere and whatever it complains about is kept."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._number = 0
        self.loaded: list[str] = []
        self.complaints: list[Any] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> Any:
        """Ask for something and wait for the answer."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = self._hear()
            if said.get("id") == self._number:
                return said["result"]

    def open(self, page: Path) -> None:
        """Load a file and wait until it is there."""
        self.call("Page.navigate", url=page.as_uri())
        while self._hear().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """The value of an expression."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"]["value"]

    def look(self, *, scheme: str, width: int) -> None:
        """Prefer a colour scheme, on a screen so wide."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def _hear(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self._connection.recv(_PATIENCE_S))
        if said.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
            self.complaints.append(said["params"])
        if said.get("method") == "Network.requestWillBeSent":
            self.loaded.append(said["params"]["request"]["url"])
        return said


@contextmanager
def opened() -> Iterator[Tab]:
    """A browser with nothing in it, and its tab."""
    from websockets.sync.client import connect

    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        with subprocess.Popen(
            [*command, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "HOME": folder},
            text=True,
        ) as process:
            assert process.stderr is not None
            try:
                line = next(line for line in process.stderr if "DevTools listening on" in line)
                port = line.split("127.0.0.1:")[1].split("/")[0]
                with urlopen(f"http://127.0.0.1:{port}/json", timeout=_PATIENCE_S) as answer:
                    page = next(target for target in json.load(answer) if target["type"] == "page")
                with connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None) as connection:
                    yield Tab(connection)
            finally:
                process.kill()
