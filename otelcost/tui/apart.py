"""Processes of our own, and how one talks with them: objects over a socket that no other process holds.

The screens' process never loads the database: what reads it lives in another one, so that a key is answered while
calls are loaded, and the memory of long work goes away with the process that did it. Both ends are the same program
on the same machine, started by the same user.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

_LEAVE_SECONDS: Final = 10.0


class Question(NamedTuple):
    """What the reading process is asked: a method of the loader, on the lane of the thread that asks."""

    number: int
    lane: str
    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Cancel(NamedTuple):
    """Nobody waits any more for what is asked on lanes that begin so; with `stop`, only long work is to end."""

    lanes: str = ""
    stop: bool = False


class Said(NamedTuple):
    """What the other process says: an answer (`otelcost.tui.guard.Answer`) to a question, or how far its work is."""

    number: int
    what: Any


class Process:
    """A module of ours that runs in a process of its own; EOFError and OSError say that it is gone.

    Args:
        module: its name; its `main` finds its end of the socket with `joined`.
        arguments: more words for its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        here, there = socket.socketpair()
        with there:
            # A session of its own: ctrl+c at the terminal is for the screens.
            self._process = subprocess.Popen(  # noqa: S603  (our own module under our own interpreter)
                [sys.executable, "-P", "-c", f"from {module} import main; main()", str(there.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                start_new_session=True,
            )
        self._connection = Connection(here.detach())
        self._guard = threading.Lock()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def say(self, what: object) -> None:
        """Send an object; thread-safe."""
        with self._guard:
            self._connection.send(what)

    def hear(self) -> Any:
        """The next object; on one thread."""
        return self._connection.recv()

    def kill(self) -> None:
        """End it at once: nothing it does to a store is ever half done."""
        self._process.kill()
        self._process.wait()

    def leave(self) -> None:
        """Hang up and wait until it has ended what must not be cut off."""
        # The thread that hears holds the socket open: this ends its waiting too.
        with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def close(self) -> None:
        """Give the socket back, once nobody hears any more."""
        self._connection.close()


def joined() -> Connection:
    """The end of the socket that the process was started with."""
    return Connection(int(sys.argv[1]))
