"""What capture costs, and what it gets right, beside the bare SDK and every other instrumentation.

    python tests/bench/capture --rivals /tmp/rivals --install     # makes their virtual environments, once
    python tests/bench/capture --rivals /tmp/rivals [--fast] [--only FIGURE ...] [--into FILE]

Everything is on the loopback interface, the provider in a process of its own. A rival that is not installed is said
to be so, and the run goes on. `--fast` takes minutes, the whole a good hour; CPU figures bear a busy machine,
wall-clock ones do not. `--into` puts the tables between the two marks of a page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from contenders import CONTENDERS
from figures import FAST, Bench, Effort
from provider import serving
from report import SECTIONS, machine
from venvs import install

MARKS = ("<!-- figures -->", "<!-- end of figures -->")


def main() -> int:
    """Measure and print."""
    asked = _arguments()
    if asked.install:
        complaints = install(asked.rivals)
        print("\n".join(complaints) or f"all installed under {asked.rivals}")
        return bool(complaints)
    effort = FAST if asked.fast else Effort()
    effort = effort._replace(memory=asked.calls) if asked.calls else effort
    chosen = [one for one in CONTENDERS if not asked.contender or one.name in asked.contender]
    lines = machine(asked.rivals)
    print("\n".join(lines), flush=True)
    for name, section in SECTIONS.items():
        if asked.only and name not in asked.only:
            continue
        with serving() as url:
            made = ["", *section(Bench(asked.rivals, url, effort), chosen)]
        print("\n".join(made), flush=True)
        lines += made
    if asked.into:
        _put(asked.into, "\n".join(lines))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(tempfile.gettempdir()) / "otelcost-rivals"
    parser.add_argument("--rivals", type=Path, default=here, help=f"where their environments are; default {here}")
    parser.add_argument("--install", action="store_true", help="make the environments that are missing, and end")
    parser.add_argument("--fast", action="store_true", help="fewer repetitions")
    parser.add_argument("--calls", type=int, help="calls over which memory is watched")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="only these figures")
    parser.add_argument("--contender", nargs="+", help="only these contenders")
    parser.add_argument("--into", type=Path, help="a page with the marks, whose tables are replaced")
    return parser.parse_args()


def _put(page: Path, text: str) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
