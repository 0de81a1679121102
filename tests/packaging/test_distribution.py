"""What ships: the wheel holds three packages with their data, and nothing that names a registry or a machine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"otelcost", "otelcost_rules", "otelcost_exporters"}
TOP_LEVEL = {
    "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "otelcost", "exporters", "rules", "tests", "docs",
    "requirements",
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel as a user would get it, built by the real backend in a process of its own."""
    target = tmp_path_factory.mktemp("wheel")
    program = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, str(target)], cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def tracked_files() -> list[str]:
    """Files git knows; empty outside a checkout."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1]


def test_wheel_has_only_the_three_packages(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


@pytest.mark.parametrize("suffix", [".py", ".sql", ".toml", ".tcss", ".md", "py.typed"])
def test_wheel_holds_every_data_file_of_the_tree(wheel: zipfile.ZipFile, suffix: str) -> None:
    shipped = set(wheel.namelist())
    roots = {"otelcost": ROOT, "otelcost_rules": ROOT / "rules", "otelcost_exporters": ROOT / "exporters"}
    expected = {
        str(path.relative_to(base))
        for package, base in roots.items()
        for path in (base / package).rglob(f"*{suffix}")
        if "__pycache__" not in path.parts
    }
    assert expected, f"no {suffix} file in the tree: the list above is out of date"
    assert expected <= shipped


def test_entry_points_name_things_that_load() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for group, points in declared.items():
        for name, value in points.items():
            found = [p for p in entry_points(group=group) if p.name == name]
            assert [p.value for p in found] == [value]
            found[0].load()


def test_top_level_is_the_agreed_one() -> None:
    tops = {name.split("/")[0] for name in tracked_files() if not name.startswith(".")}
    assert tops <= TOP_LEVEL


def test_requirements_name_no_registry() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert not re.search(r"https?://|index-url|find-links", text), path
        assert "--hash=sha256:" in text


def test_no_lock_file_with_registry_addresses() -> None:
    assert not {"uv.lock", "pylock.toml"} & set(tracked_files())


@pytest.mark.parametrize("marker", ["demo-command", "test-command"])
def test_readme_commands_are_one_line_that_sets_everything_up(marker: str) -> None:
    block = re.search(rf"<!-- {marker} -->\n```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    assert "\n" not in block.group(1)
    assert block.group(1).startswith("python3 -m venv .venv && ")
