"""Twenty thousand calls that have nothing in common leave nothing behind: blocks of memory are counted, not time."""

from __future__ import annotations

import gc
import sys
from typing import Any, Final

import httpx2
import pytest

import otelcost
from otelcost.capture import attempt as attempts
from otelcost.capture import worker as workers
from otelcost.capture.attempt import Attempt, open_attempts
from otelcost.capture.worker import worker
from otelcost.spool.diagnostics import diagnostics
from otelcost.wire import anatomy
from otelcost.wire.hashing import hasher_of

from .conftest import Captured

ROUNDS, EACH = 8, 2_500
EVENT: Final = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
"""Of a stream that is given up in the middle."""


class _Endless(httpx2.SyncByteStream):
    def __iter__(self) -> Any:
        while True:
            yield EVENT


def _answer(request: httpx2.Request) -> httpx2.Response:
    number = int(request.headers["x-number"])
    if number % 10 == 9:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Endless())
    if number % 10 == 8:
        return httpx2.Response(429, json={"error": {"message": f"slow down {number}"}})
    if number % 10 == 7:
        raise httpx2.ConnectError(f"refused {number}")
    usage = {"prompt_tokens": number, "completion_tokens": 1, "total_tokens": number + 1}
    choices = [{"index": 0, "message": {"role": "assistant", "content": f"{number}"}, "finish_reason": "stop"}]
    return httpx2.Response(200, json={"id": f"c{number}", "model": "m", "choices": choices, "usage": usage})


def _round(client: httpx2.Client, first: int) -> None:
    """Calls whose prompts, models, hosts, tasks, labels and call sites were never seen before."""
    site: dict[str, Any] = {}
    exec(
        compile("def send(client, *given, **more): return client.send(*given, **more)", f"site{first}.py", "exec"), site
    )
    for number in range(first, first + EACH):
        said = [
            {"role": "system", "content": f"You are number {number}."},
            {"role": "user", "content": f"{number} " * 20},
        ]
        request = client.build_request(
            "POST",
            f"https://gateway-{number % 5_000}.example/v1/chat/completions",
            json={"model": f"model-{number}", "messages": said},
            headers={"x-number": str(number)},
        )
        with otelcost.task(f"task {number}"), otelcost.label(customer=f"customer {number}"):
            try:
                with_stream = number % 10 == 9
                response = site["send"](client, request, stream=with_stream)
                if with_stream:
                    next(response.iter_raw())
                    response.close()
            except httpx2.ConnectError:
                pass
        assert worker._pending_bytes <= worker._limit
        assert len(worker._queue) <= workers.MAX_PENDING_RECORDS
        if number % 500 == 0:
            assert worker.flush(60)


@pytest.mark.slow
def test_memory_is_flat(captured: Captured) -> None:
    blocks: list[int] = []
    with httpx2.Client(transport=httpx2.MockTransport(_answer)) as client:
        for turn in range(ROUNDS):
            _round(client, turn * EACH)
            assert worker.flush(60)
            anatomy.forget()  # what is remembered to be quick is bounded: here it would only blur the count
            hasher_of.cache_clear()
            gc.collect()
            blocks.append(sys.getallocatedblocks())
            assert not open_attempts
            assert worker._pending_bytes == 0
            # At most the last of this context, and nothing of it.
            assert [one.request for one in gc.get_objects() if isinstance(one, Attempt)] in ([], [None])
    counts = diagnostics.snapshot().counts
    assert not {name: count for name, count in counts.items() if "error" in name or "dropped" in name}
    assert len(attempts.open_attempts) == 0
    assert max(blocks[ROUNDS // 2 :]) - blocks[ROUNDS // 2 - 1] < ROUNDS * EACH / 20, blocks
