"""Exercise the real packages against loopback servers and print what was made and what was recorded.

    python tests/capture/packages/run.py [NAME ...]
    python tests/capture/packages/run.py --make DIRECTORY

The first runs with any interpreter that has otelcost; packages that it does not have are listed as not installed. The
second makes two environments in the directory, installs otelcost and the newest of every package there with pip, and
runs in each what it holds: about 1.5 GB and a few minutes. Each case runs in a process of its own, with nothing but
`otelcost.instrument()` added. `made` is what the server answered, `recorded` what is in the spool (each call once),
`tokens` whether every record has the provider's own counts of input and output. Exit status 1: some differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent))

import server  # type: ignore[import-not-found]  # neighbours: this file is a script
from cases import CASES, Case  # type: ignore[import-not-found]

from otelcost.demo.loopback import running

PROJECT = Path(__file__).resolve().parents[3]
EXTRA = {"httpx", "httpx-aiohttp"}
"""What is not named by a case and must be there: a client that aiobotocore wants, and OpenAI's transport."""


def _child(name: str, url: str) -> None:
    import otelcost

    otelcost.instrument()
    (case,) = [case for case in CASES if case.run.__name__ == name]
    case.run(url)
    otelcost.flush()


def _records(home: str) -> list[dict[str, Any]]:
    files = (path for path in Path(home, "spool").glob("calls-*"))
    return [msgspec.json.decode(line) for path in files for line in path.read_bytes().splitlines()]


@contextmanager
def _provider(case: Case) -> Iterator[tuple[str, Any]]:
    """A server's address, and a function that gives the tokens it billed, input and output, call by call."""
    if case.demo:
        with running() as demo:
            yield demo.url, lambda: [_of_log(line["usage"]) for line in demo.log()]
    else:
        with server.serving() as made:
            yield made.url, lambda: [(server.INPUT, server.OUTPUT)] * made.answered


def _exercise(case: Case) -> tuple[str, str, str, bool]:
    """Calls made, calls recorded, whether tokens agree, and whether all is well."""
    with tempfile.TemporaryDirectory() as home, _provider(case) as (url, billed):
        variables = {**os.environ, "OTELCOST_HOME": home, "OTELCOST_TRUSTED_HOSTS": "127.0.0.1"}
        variables |= {"AWS_EC2_METADATA_DISABLED": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "*"}
        command = [sys.executable, __file__, "--child", case.run.__name__, "--url", url]
        finished = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=180, check=False)
        made, records = billed(), _records(home)
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or ["failed"])[-1]
        return str(len(made)), str(len(records)), last[:90], False
    tokens, agree = _compare(made, records)
    return str(len(made)), str(len(records)), tokens, len(made) == len(records) and agree


Tokens = tuple[int, int]


def _of_log(usage: dict[str, int]) -> Tokens:
    names = ("input_uncached", "cache_read", "cache_write_short", "cache_write_long")
    return sum(usage[name] for name in names), usage["output"]


def _of_record(usage: dict[str, int]) -> Tokens:
    names = ("input_uncached_tokens", "cache_read_tokens", "cache_write_short_tokens", "cache_write_long_tokens")
    return sum(usage.get(name) or 0 for name in names), usage.get("output_tokens") or 0


def _compare(billed: list[Tokens], records: list[dict[str, Any]]) -> tuple[str, bool]:
    """Whether every record that is no estimate has a count that was billed."""
    left = Counter(billed)
    estimated = [record for record in records if "estimated" in record.get("flags", ())]
    counted = Counter(_of_record(record.get("usage") or {}) for record in records if record not in estimated)
    agree = not counted - left
    if not agree:
        return f"{list(counted)} recorded, {billed} billed", False
    return (f"exact, but {len(estimated)} estimated" if estimated else "exact"), True


def _row(case: Case) -> tuple[tuple[str, ...], bool]:
    try:
        found = version(case.distribution)
    except PackageNotFoundError:
        return (case.run.__name__, "-", "", "", "not installed"), True
    if case.needs and find_spec(case.needs) is None:
        return (case.run.__name__, found, "", "", f"needs {case.needs}"), True
    made, recorded, tokens, fine = _exercise(case)
    return (case.run.__name__, found, made, recorded, tokens), fine


def _make(directory: Path) -> int:
    """Make the environments, and run in each the cases that it is for."""
    worst = 0
    for apart in (False, True):
        mine = [case for case in CASES if case.apart is apart]
        home = directory / ("apart" if apart else "newest")
        venv.create(home, with_pip=True, clear=True)
        python = str(home / "bin" / "python")
        packages = {case.distribution for case in mine} | EXTRA
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(PROJECT), *sorted(packages)], check=True)
        worst |= subprocess.run([python, __file__, *(case.run.__name__ for case in mine)], check=False).returncode
    return worst


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these cases")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument(
        "--make", type=Path, metavar="DIRECTORY", help="make environments with every package, and run there"
    )
    asked = parser.parse_args()
    if asked.make:
        return _make(asked.make)
    if asked.child:
        _child(asked.child, asked.url)
        return 0
    print(f"{'package':22} {'version':12} {'made':>5} {'recorded':>9}  tokens")
    every = True
    for case in CASES:
        if asked.names and case.run.__name__ not in asked.names:
            continue
        row, fine = _row(case)
        every = every and fine
        print(f"{row[0]:22} {row[1]:12} {row[2]:>5} {row[3]:>9}  {row[4]}", flush=True)
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
