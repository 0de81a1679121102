"""What an installation writes and runs, and that it can be undone."""

from __future__ import annotations

import plistlib
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from otelcost.digest.install import TARGETS, Job, install, uninstall
from otelcost.errors import OtelcostError

JOB = Job(
    command=("/opt/o t%h/otelcost", "digest", "run", "--due"),
    variables={"OTELCOST_HOME": "/home/a b/$x"},
    folder=Path(),
    image='shop/"otelcost":1',
)


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
    assert 'ExecStart="/opt/o t%%h/otelcost" "digest" "run" "--due"' in service
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


def test_launchd_agent(machine: Path) -> None:
    plan = TARGETS["launchd"](job(machine))
    with pytest.raises(OtelcostError, match="launchctl is not on this machine"):
        install(plan)
    (path,) = plan.files
    agent = plistlib.loads(path.read_bytes())
    assert agent["ProgramArguments"] == list(JOB.command)
    assert agent["StartInterval"] == 900


def test_files_for_clusters_and_repositories(machine: Path) -> None:
    yaml = pytest.importorskip("yaml")
    for name in ("kubernetes", "github"):
        plan = TARGETS[name](job(machine))
        install(plan)
        (path,) = plan.files
        found = yaml.safe_load(path.read_text())
        if name == "kubernetes":
            assert found["spec"]["concurrencyPolicy"] == "Forbid"
            pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            assert pod["containers"][0]["image"] == JOB.image
            assert pod["restartPolicy"] == "Never"
        else:
            assert found["concurrency"]["cancel-in-progress"] is False
        uninstall(plan)
        assert not path.exists()
