"""What an installation writes and runs, and that it can be undone."""

from __future__ import annotations

import ast
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cronsim import CronSim

from otelcost.digest.install import TARGETS, Job, install, uninstall
from otelcost.errors import OtelcostError

JOB = Job(
    command=("/opt/o t%h/otelcost", "digest", "run", "--due"),
    variables={"OTELCOST_HOME": "/home/a b/$x"},
    folder=Path(),
    image='shop/"otelcost":1',
)


AWKWARD = """a b/100%d/$x ${y} $(z)'q"u\\o;#&*"""
"""A part of a path that every format has its own special characters in."""

SYSTEMD = next((path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if Path(path).exists()), None)
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
CRONTAB = shutil.which("crontab")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with a crontab and a systemctl that keep what they are told in files."""
    tools = tmp_path / "bin"
    tools.mkdir()
    log, table = tmp_path / "log", tmp_path / "table"
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    (tools / "crontab").write_text(
        f'#!/bin/sh\nif [ "$1" = -l ]; then [ -f {table} ] && exec /bin/cat {table}; echo "no crontab for you" >&2; '
        f"exit 1; fi\nexec /bin/cat > {table}\n"
    )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def job(machine: Path) -> Job:
    return Job(command=JOB.command, variables=JOB.variables, folder=machine, image=JOB.image)


def test_systemd_timer_catches_up_and_quotes(machine: Path) -> None:
    plan = TARGETS["systemd"](job(machine))
    install(plan)
    install(plan)
    units = machine / ".config" / "systemd" / "user"
    timer = (units / "otelcost-digest.timer").read_text()
    assert "Persistent=true" in timer
    service = (units / "otelcost-digest.service").read_text()
    assert 'ExecStart=/usr/bin/env "/opt/o t%%h/otelcost" "digest" "run" "--due"' in service
    assert "--user enable --now otelcost-digest.timer" in (machine / "log").read_text()
    uninstall(plan)
    assert list(units.iterdir()) == []
    assert uninstall(plan) == []


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(machine: Path) -> None:
    program = machine / "o t%h" / "otelcost"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    mine = Job(command=(str(program), *JOB.command[1:]), variables=JOB.variables, folder=machine, image="")
    plan = TARGETS["systemd"](mine)
    install(plan)
    runtime = {"HOME": str(machine), "XDG_RUNTIME_DIR": str(machine / "run")}
    (machine / "run").mkdir()
    answer = subprocess.run(  # it also says so where the program is none
        [str(SYSTEMD_ANALYZE), "--user", "verify", *map(str, plan.files)],
        capture_output=True,
        text=True,
        env=runtime,
        check=False,
        timeout=60,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """What a user's systemd has read a unit of ours as. It runs nothing; as it refuses root, nobody asks it then."""
    with tempfile.TemporaryDirectory(prefix="home of ") as home:
        monkeypatch.setenv("HOME", home)
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        someone = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}

        def asked(unit: str) -> str:
            for path in (Path(home), *Path(home).rglob("*")):
                if someone:
                    os.chown(path, 65534, 65534)
            answer = subprocess.run(
                [str(SYSTEMD), "--user", "--test", f"--unit={unit}", "--no-pager"],
                capture_output=True, text=True, env={"HOME": home, "XDG_RUNTIME_DIR": home}, timeout=60, check=False,
                **someone,
            )  # fmt: skip
            assert answer.returncode == 0, answer.stdout + answer.stderr
            return answer.stdout

        yield asked


@pytest.mark.skipif(SYSTEMD is None, reason="systemd is not installed")
def test_systemd_reads_awkward_paths_as_they_are(manager: Callable[[str], str]) -> None:
    mine = Job(command=(f"/{AWKWARD}/otelcost", "digest"), variables={"A": f"/{AWKWARD}"}, folder=Path(), image="")
    for path, body in TARGETS["systemd"](mine).files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    lines = [line.strip() for line in manager("otelcost-digest.service").splitlines()]
    assert f"Environment: A=/{AWKWARD}" in lines
    (told,) = [line.removeprefix("Command Line: ") for line in lines if "Command Line: /usr/bin/env" in line]
    words = subprocess.check_output(["/bin/sh", "-c", f"printf '%s\\n' {told}"], text=True)  # it is told for a shell
    # Told before systemd looks at $: two of them stand for one.
    assert words.replace("$$", "$").splitlines() == ["/usr/bin/env", *mine.command]


@pytest.mark.skipif(CRONTAB is None, reason="crontab is not installed")
def test_cron_accepts_the_table(machine: Path) -> None:
    install(TARGETS["cron"](job(machine)))

    def dry_run(table: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(CRONTAB), "-n", str(table)], capture_output=True, text=True, check=False, timeout=60)

    wrong = machine / "wrong"
    wrong.write_text("99 * * * * nothing\n")
    if "invalid option" in dry_run(wrong).stderr:
        pytest.skip("this crontab only checks what it installs")
    assert dry_run(wrong).returncode != 0
    assert dry_run(machine / "table").returncode == 0


def test_cron_keeps_the_other_lines(machine: Path) -> None:
    (machine / "table").write_text("0 4 * * * backup")
    install(TARGETS["cron"](job(machine)))
    once = (machine / "table").read_text()
    install(TARGETS["cron"](job(machine)))
    assert (machine / "table").read_text() == once
    assert once.startswith("0 4 * * * backup\n# otelcost digest: begin\n*/15 * * * * env ")
    line = once.splitlines()[2].replace(r"\%", "%").removeprefix("*/15 * * * * ")
    assert shlex.split(line) == ["env", "OTELCOST_HOME=/home/a b/$x", *JOB.command]
    uninstall(TARGETS["cron"](job(machine)))
    assert (machine / "table").read_text() == "0 4 * * * backup\n"


def test_cron_runs_awkward_paths_as_they_are(machine: Path) -> None:
    program = machine / AWKWARD / "otelcost"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\nimport os, sys\nprint([os.environ['A'], *sys.argv[1:]])\n")
    program.chmod(0o755)
    mine = Job(command=(str(program), "digest", "run"), variables={"A": f"/{AWKWARD}"}, folder=machine, image="")
    install(TARGETS["cron"](mine))
    *_, line, _ = (machine / "table").read_text().splitlines()
    moments, command = line.split(" env ")[0], line.split(" ", 5)[5]
    looks = CronSim(moments, datetime(2026, 11, 22))  # noqa: DTZ001
    assert [next(looks).minute for _ in range(5)] == [15, 30, 45, 0, 15]
    given = re.split(r"(?<!\\)%", command)[0].replace(r"\%", "%")  # as cron does, before a shell sees it
    answer = subprocess.run(
        ["/bin/sh", "-c", given], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=True, timeout=60
    )
    assert ast.literal_eval(answer.stdout) == [f"/{AWKWARD}", "digest", "run"]


def test_launchd_agent(machine: Path) -> None:
    plan = TARGETS["launchd"](job(machine))
    with pytest.raises(OtelcostError, match="launchctl is not on this machine"):
        install(plan)
    (path,) = plan.files
    agent = plistlib.loads(path.read_bytes())
    assert agent["ProgramArguments"] == list(JOB.command)
    assert agent["EnvironmentVariables"] == JOB.variables
    assert agent["StartInterval"] == 900


def test_launchd_keeps_awkward_paths(machine: Path) -> None:
    mine = Job(command=(f"/{AWKWARD}<&>",), variables={"A": AWKWARD}, folder=machine, image="")
    (text,) = TARGETS["launchd"](mine).files.values()
    agent = plistlib.loads(text.encode())
    assert (agent["ProgramArguments"], agent["EnvironmentVariables"]) == ([f"/{AWKWARD}<&>"], {"A": AWKWARD})


def test_files_for_clusters_and_repositories(machine: Path) -> None:
    yaml = pytest.importorskip("yaml")
    for name in ("kubernetes", "github"):
        plan = TARGETS[name](job(machine))
        install(plan)
        (path,) = plan.files
        found = yaml.safe_load(path.read_text())
        if name == "kubernetes":
            assert (found["apiVersion"], found["kind"]) == ("batch/v1", "CronJob")
            assert found["spec"]["concurrencyPolicy"] == "Forbid"
            assert found["spec"]["schedule"] == "*/15 * * * *"
            pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            assert pod["containers"][0]["image"] == JOB.image
            assert pod["containers"][0]["command"] == ["otelcost", "digest", "run", "--due"]
            assert {one["name"] for one in pod["containers"][0]["volumeMounts"]} == {
                one["name"] for one in pod["volumes"]
            }
            assert pod["restartPolicy"] == "Never"
        else:
            (schedule,) = found[True]["schedule"]  # YAML 1.1 takes the key `on` for a truth
            assert CronSim(schedule["cron"], datetime(2026, 11, 22))  # noqa: DTZ001
            assert found["concurrency"]["cancel-in-progress"] is False
            assert found["jobs"]["digest"]["steps"][-1]["run"] == "otelcost digest run --due"
        uninstall(plan)
        assert not path.exists()
