"""How programs end, fork and start others: the same output and exit code as without capture, and no call lost.

Each program is a file that runs twice against the loopback provider, once with capture. What is lost by design is
what `os._exit` and a signal without a handler leave unwritten: those programs flush first, or lose only what is open.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from otelcost.demo.loopback import Loopback

from .conftest import read_calls

PREAMBLE: Final = """
    import asyncio, atexit, multiprocessing, os, signal, sys, threading, time
    import httpx2
    if os.environ["CAPTURE"]:
        import otelcost
        otelcost.instrument()
        flush = otelcost.flush
    else:
        flush = lambda: None
    URL = os.environ["PROVIDER"] + "/v1/chat/completions"

    def asked(number, stream):
        return {"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": f"number {number}"}]}

    def headers(scenario):
        return {"authorization": "Bearer x"} | ({"x-loopback-scenario": scenario} if scenario else {})

    sent = threading.Semaphore(0)
    hooks = {"request": [lambda request: sent.release()]}

    def ask(number=0, scenario=""):
        with httpx2.Client(timeout=60, event_hooks=hooks) as client:
            return client.post(URL, json=asked(number, False), headers=headers(scenario)).status_code

    async def told(request):
        sent.release()

    async def later(number=0, scenario=""):
        async with httpx2.AsyncClient(timeout=60, event_hooks={"request": [told]}) as client:
            return (await client.post(URL, json=asked(number, False), headers=headers(scenario))).status_code

    def stream(scenario="slow;ms=20"):
        client = httpx2.Client(timeout=60, event_hooks=hooks)
        request = client.build_request("POST", URL, json=asked(0, True), headers=headers(scenario))
        chunks = client.send(request, stream=True).iter_bytes()
        next(chunks)
        return chunks

    def hang():
        ask(0, "hang")

    def in_a_call(number):
        # Send this process a signal while a call is on its way.
        threading.Thread(target=lambda: [sent.acquire(), time.sleep(0.1), os.kill(os.getpid(), number)]).start()
"""


class Program(NamedTuple):
    """A program and what must come of it: its exit code, and the status of every call in the order of the alphabet."""

    script: str
    code: int = 0
    statuses: tuple[str, ...] = ("ok",)


IN_MAIN: Final = """
    if __name__ == "__main__":
        context = multiprocessing.get_context("{method}")
        workers = [context.Process(target=ask, args=(number,)) for number in range(3)]
        [one.start() for one in workers]
        [one.join() for one in workers]
        print([one.exitcode for one in workers], ask(9))
"""

PROGRAMS: Final = {
    "the end of the file": Program("print(ask())"),
    "sys.exit in a call's wake": Program("ask(); sys.exit(3)", 3),
    "an exception": Program("ask(); {}['missing']", 1),
    "an exception in a thread": Program(
        "t = threading.Thread(target=lambda: [ask(), 1 / 0]); t.start(); t.join(); print(ask(1))", 0, ("ok", "ok")
    ),
    "a thread that outlives the main one": Program(
        "threading.Thread(target=lambda: [time.sleep(0.3), print(ask())]).start()"
    ),
    "daemon threads in the middle of calls": Program(
        "[threading.Thread(target=hang, daemon=True).start() for _ in range(3)]; [sent.acquire() for _ in range(3)]",
        0,
        ("aborted",) * 3,
    ),
    "a stream that is still open": Program("chunks = stream()", 0, ("aborted",)),
    "a stream in a cycle": Program("cycle = [stream()]; cycle.append(cycle); del cycle", 0, ("aborted",)),
    "a call from an exit handler": Program("atexit.register(lambda: print(ask(1))); ask()", 0, ("ok", "ok")),
    "os._exit after a flush": Program("ask(); flush(); os._exit(5)", 5),
    "SIGTERM without a handler": Program("ask(); flush(); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -15),
    "SIGTERM with a handler, in a call": Program(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); in_a_call(signal.SIGTERM); hang()",
        7,
        ("cancelled",),
    ),
    "Ctrl-C in a call": Program("in_a_call(signal.SIGINT); hang()", -2, ("cancelled",)),
    "Ctrl-C in a stream": Program(
        """
        chunks = stream("pause;after=2")
        sent.release()
        in_a_call(signal.SIGINT)
        list(chunks)
        """,
        -2,
        ("cancelled",),
    ),
    "Ctrl-C that the program handles": Program(
        """
        in_a_call(signal.SIGINT)
        try:
            hang()
        except KeyboardInterrupt:
            print("stopped", ask(1))
        """,
        0,
        ("cancelled", "ok"),
    ),
    "Ctrl-C in an event loop": Program(
        "in_a_call(signal.SIGINT); asyncio.run(asyncio.wait_for(later(0, 'hang'), 60))",
        -2,
        ("cancelled",),
    ),
    "tasks that an event loop leaves behind": Program(
        """
        async def main():
            left = asyncio.create_task(later(0, "hang"))
            await asyncio.to_thread(sent.acquire)
            return await later(1)
        print(asyncio.run(main()))
        """,
        0,
        ("cancelled", "ok"),
    ),
    "event loops in event loops": Program(
        """
        from concurrent.futures import ThreadPoolExecutor
        async def main():
            with ThreadPoolExecutor() as pool:
                inner = pool.submit(asyncio.run, later(1))
                return await later(2), await asyncio.wrap_future(inner), await asyncio.to_thread(ask, 3)
        print(asyncio.run(main()))
        """,
        0,
        ("ok",) * 3,
    ),
    "uvloop": Program(
        """
        import uvloop
        async def main():
            left = asyncio.create_task(later(0, "hang"))
            await asyncio.to_thread(sent.acquire)
            return await asyncio.gather(*map(later, range(1, 6)))
        print(uvloop.run(main()))
        """,
        0,
        ("cancelled", *["ok"] * 5),
    ),
    "fork in the middle of calls": Program(
        """
        open_stream = stream()
        sent.acquire()
        threading.Thread(target=hang, daemon=True).start()
        sent.acquire()
        child = os.fork()
        if not child:
            print(ask(1), flush=True)
            sys.exit(4)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ask(2))
        """,
        0,
        ("aborted", "aborted", "ok", "ok"),
    ),
    "a fork of a fork": Program(
        """
        def descend(depth):
            print(ask(depth), flush=True)
            if depth:
                child = os.fork()
                if not child:
                    descend(depth - 1)
                    sys.exit(0)
                assert os.waitpid(child, 0)[1] == 0
        descend(3)
        """,
        0,
        ("ok",) * 4,
    ),
    "multiprocessing by fork": Program(IN_MAIN.format(method="fork"), 0, ("ok",) * 4),
    "multiprocessing by forkserver": Program(IN_MAIN.format(method="forkserver"), 0, ("ok",) * 4),
    "multiprocessing by spawn": Program(IN_MAIN.format(method="spawn"), 0, ("ok",) * 4),
    "a pool of processes": Program(
        """
        from concurrent.futures import ProcessPoolExecutor
        if __name__ == "__main__":
            with ProcessPoolExecutor(2) as pool:
                print(list(pool.map(ask, range(6))))
        """,
        0,
        ("ok",) * 6,
    ),
    "a server that forks its workers and stops them by SIGTERM": Program(
        """
        def serve():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            os.write(ready, str(ask(os.getpid())).encode())
            while True:
                signal.pause()
        heard, ready = os.pipe()
        ask()
        workers = []
        for _ in range(3):
            child = os.fork()
            if not child:
                serve()
            workers.append(child)
        print([os.read(heard, 3) for _ in workers])
        [os.kill(child, signal.SIGTERM) for child in workers]
        print([os.waitpid(child, 0)[1] for child in workers])
        """,
        0,
        ("ok",) * 4,
    ),
    "exec in place of the program": Program("ask(); flush(); os.execv('/bin/echo', ['echo', 'over'])"),
}


def _run(path: Path, home: Path, provider: Loopback, capture: str) -> subprocess.CompletedProcess[str]:
    provider.reset()
    variables = {**os.environ, "OTELCOST_HOME": str(home), "PROVIDER": provider.url, "CAPTURE": capture}
    return subprocess.run(
        [sys.executable, str(path)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _without_our_frames(text: str) -> str:
    """A traceback passes through our wrapper, which is one more frame: two lines, three with the marks below."""
    return re.sub(r'  File "[^"]*otelcost/capture/[^\n]*\n    [^\n]*\n(?: +[\^~]+\n)?', "", text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_end(name: str, home: Path, tmp_path: Path, trusting: Loopback) -> None:
    if name == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed: see requirements/dev.txt")
    program = PROGRAMS[name]
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PREAMBLE) + textwrap.dedent(program.script))
    bare = _run(path, home, trusting, "")
    assert bare.returncode == program.code, bare.stderr
    assert not (home / "spool").exists()
    captured = _run(path, home, trusting, "1")
    assert (captured.returncode, captured.stdout) == (bare.returncode, bare.stdout), captured.stderr
    told, before = _without_our_frames(captured.stderr).splitlines(), bare.stderr.splitlines()
    if name.startswith("Ctrl-C"):  # where exactly it strikes is a matter of luck
        told, before = told[-1:], before[-1:]
    assert told == before
    calls = read_calls(home)
    assert sorted(call.status for call in calls) == sorted(program.statuses)
    assert len({call.context.span_id for call in calls}) == len(calls)
