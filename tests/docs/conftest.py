"""A demo run that the examples of all pages and commands are tried on, and a shell to try them in."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-11-28T12:00:00Z"
DONE = "finished"

SETTINGS = """
[digest.weekly]

[digest.weekly.channels.archive]
kind = "file"
path = "digests/{digest}-{date}.html"
format = "html"
"""
FILES = {
    "usage.json": "tests/reconcile/exports/openai-usage.json",
    "costs.json": "tests/reconcile/exports/openai-costs.json",
    "observations.jsonl": "tests/imports/files/langfuse.jsonl",
    "spend-logs.csv": "tests/imports/files/litellm.csv",
    "spans.json": "tests/imports/files/spans.otlp.jsonl",
}
"""What the examples call their files -> an export as its maker writes it."""


@dataclass(frozen=True)
class Shell:
    """A shell in a project's folder, with a home of its own."""

    folder: Path
    home: Path

    def run(self, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Type a line."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "COVERAGE", "XDG"))}
        own = {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "HOME": str(self.folder / "me")}
        at = {"OTELCOST_HOME": str(self.home), "OTELCOST_NOW": NOW, "COLUMNS": "100"}
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env={**kept, **own, **at, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that `otelcost demo` leaves, made once for every worker of a parallel session."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    home = shared / "demo-of-the-pages"
    with (shared / "demo-of-the-pages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / DONE).is_file():
            answer = Shell(shared, home).run("otelcost demo --no-tui")
            assert answer.returncode == 0, answer.stderr
            (home / DONE).write_text(answer.stdout, encoding="utf-8")
    return home / "demo"


def price_data() -> bytes:
    """The price library's data as it publishes it."""
    spec = util.spec_from_file_location("published_prices", ROOT / "tests" / "pricing" / "raw.py")
    assert spec is not None
    assert spec.loader is not None
    raw: ModuleType = util.module_from_spec(spec)
    spec.loader.exec_module(raw)
    encoded: bytes = raw.encoded(raw.published())
    return encoded


@pytest.fixture
def shell(demo_store: Path, tmp_path: Path) -> Shell:
    """A project's folder with the files that the examples name, and a copy of the demo's home."""
    folder = tmp_path / "project"
    (folder / "me").mkdir(parents=True)
    for name, source in FILES.items():
        shutil.copy(ROOT / source, folder / name)
    (folder / "data.json").write_bytes(price_data())
    (folder / "otelcost.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "app.py").write_text("print('served')\n", encoding="utf-8")
    return Shell(folder, Path(shutil.copytree(demo_store, tmp_path / "home")))
