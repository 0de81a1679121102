"""`python -m otelcost.demo.provider --port 0`: the first line on standard output says the port, as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from otelcost.demo.provider.server import listen
from otelcost.demo.provider.state import State


async def _run(port: int, seed: int, *, with_stdin: bool) -> None:
    server = await listen(State(seed), port)
    bound = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"port": bound}) + "\n")
    sys.stdout.flush()
    async with server:
        if with_stdin:
            # The parent holds the other end: when it dies, however it dies, so does the provider.
            await asyncio.to_thread(sys.stdin.buffer.read)
        else:
            await server.serve_forever()


def main() -> None:
    """Serve until interrupted, or until standard input closes where that was asked for."""
    parser = argparse.ArgumentParser(prog="otelcost.demo.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--seed", type=int, default=7, help="fixes every answer and identifier")
    parser.add_argument("--with-stdin", action="store_true", help="stop when standard input closes")
    asked = parser.parse_args()
    try:
        asyncio.run(_run(asked.port, asked.seed, with_stdin=asked.with_stdin))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
