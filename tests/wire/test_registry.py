"""Which requests are calls, and whose."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from otelcost.wire import HEADERS, codecs, provider_of, recognise
from otelcost.wire.codecs import APIS, codec_of
from otelcost.wire.registry import place_of, reads_again


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/chat/completions", "openai.chat"),
        ("/chat/completions", "openai.chat"),
        ("/v1/chat/completions/", "openai.chat"),
        ("/openai/v1/chat/completions", "openai.chat"),
        ("/beta/chat/completions", "openai.chat"),
        ("/openai/deployments/gpt/chat/completions", "openai.chat"),
        ("/openai/deployments/gpt/completions", "openai.completions"),
        ("/v1/completions", "openai.completions"),
        ("/v1/responses", "openai.responses"),
        ("/openai/responses", "openai.responses"),
        ("/v1/responses/compact", "openai.responses"),
        ("/v1/embeddings", "openai.embeddings"),
        ("/api/v1/embeddings", "openai.embeddings"),
        ("/v1/messages", "anthropic.messages"),
        ("/anthropic/v1/messages", "anthropic.messages"),
        ("/v1/decisions", "openai.decisions"),
        ("/v1/responses/input_tokens", "openai.input_tokens"),
        ("/v1/messages/count_tokens", "anthropic.count_tokens"),
        ("/v1beta/models/gemini-3-flash:countTokens", "gemini.count_tokens"),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            "anthropic.count_tokens",
        ),
        ("/model/anthropic.claude-haiku-4-5/count-tokens", "bedrock.count_tokens"),
        ("/v1/moderations", "openai.moderations"),
        ("/v1/chat/moderations", "openai.moderations"),
        ("/v1/batches", "batch.create"),
        ("/openai/batches", "batch.create"),
        ("/v1/messages/batches", "batch.create"),
        ("/v1/batch/jobs", "batch.create"),
        ("/v1beta/models/gemini-3-flash:batchGenerateContent", "batch.create"),
    ],
)
def test_paths_that_are_asked(path: str, api: str) -> None:
    assert recognise("POST", "gateway.internal", path) == api
    assert recognise("post", "gateway.internal", path) == api
    assert recognise("GET", "gateway.internal", path) is None


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/responses/resp_1", "openai.responses"),
        ("/openai/v1/responses/resp_1/", "openai.responses"),
        ("/v1beta/interactions/abc-1", "gemini.interactions"),
        ("/v1/responses/resp_1/input_items", None),
        ("/v1/responses/7", None),
        ("/v1/responses", None),
        ("/v1/chat/completions/chatcmpl-1", None),
        ("/v1/batches/batch_1", None),
    ],
)
def test_answers_that_are_read_again(path: str, api: str | None) -> None:
    assert recognise("GET", "gateway.internal", path) == api
    assert recognise("DELETE", "gateway.internal", path) is None
    stopped = path.rstrip("/") + "/cancel"
    assert recognise("POST", "gateway.internal", stopped) == api
    assert reads_again("GET", path)
    assert reads_again("POST", stopped)
    assert not reads_again("POST", "/v1/responses")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/responses/resp_1",
        "/v1/responses/resp_1/input_items",
        "/v1/messages/batches/msgbatch_1/cancel",
        "/v1/decisions/decision_1",
        "/v1/threads/thread_1/messages",
        "/api/embeddings",
        "/v1/models",
        "/",
        "",
    ],
)
def test_paths_that_do_not(path: str) -> None:
    assert recognise("POST", "api.openai.com", path) is None


@pytest.mark.parametrize(
    ("host", "path", "provider"),
    [
        ("api.openai.com", "/v1/responses", "openai"),
        ("EU.api.openai.com", "/v1/responses", "openai"),
        ("acme.openai.azure.com", "/openai/deployments/x/chat/completions", "azure.ai.openai"),
        ("acme.services.ai.azure.com", "/openai/v1/responses", "azure.ai.openai"),
        ("acme.services.ai.azure.com", "/models/chat/completions", "azure.ai.inference"),
        ("api.anthropic.com", "/v1/messages", "anthropic"),
        ("api.groq.com", "/openai/v1/chat/completions", "groq"),
        ("europe-west1-aiplatform.googleapis.com", "/v1/chat/completions", "gcp.vertex_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "/openai/v1/chat/completions", "aws.bedrock"),
        ("localhost", "/v1/chat/completions", None),
        ("notapi.openai.com.evil.example", "/v1/chat/completions", None),
        ("fakeapi.openai.com", "/v1/chat/completions", None),
    ],
)
def test_providers_by_host(host: str, path: str, provider: str | None) -> None:
    assert provider_of(host, path) == provider


def test_an_unknown_host_is_flagged_unless_trusted(wire: Any) -> None:
    answer = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    assumed = wire.chat({"model": "m"}, answer, host="llm.internal")
    assert (assumed.provider, assumed.flags) == ("openai", ("provider_assumed",))
    trusted = wire.chat({"model": "m"}, answer, host="llm.internal", trusted_host=True)
    assert (trusted.provider, trusted.flags) == ("openai", ())


def test_no_kept_header_can_hold_a_secret() -> None:
    assert all(name == name.lower() for name in HEADERS)
    for word in ("authorization", "key", "cookie", "token", "secret", "organization", "project"):
        assert not [name for name in HEADERS if word in name and not name.endswith("-token-count")]


def test_an_exchange_nobody_recognises_still_makes_a_call(wire: Any) -> None:
    call = wire.call("/v1/models", b"", b"{}")
    assert (call.api, call.provider, call.status, call.flags) == ("unknown", "openai", "ok", ("request_undecodable",))
    lost = wire.call("/v1/models", b"", b"", status=None, ended="timeout", host="h")
    assert (lost.provider, lost.status) == ("unknown", "timeout")


def test_a_decoder_is_named_like_its_module_and_loads_when_it_is_needed() -> None:
    for api in APIS:
        assert codec_of(api).api == api
    script = "import sys, otelcost.wire; print([name for name in sys.modules if 'openai' in name or 'bedrock' in name])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_fork_waits_for_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, order = threading.Event(), []

    def slow(name: str) -> Any:
        entered.set()
        time.sleep(0.05)
        order.append("imported")
        return SimpleNamespace(CODEC=name)

    monkeypatch.setattr(codecs.importlib, "import_module", slow)
    thread = threading.Thread(target=codec_of.__wrapped__, args=("openai.chat",))
    thread.start()
    entered.wait()
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:  # pragma: no cover
        os.write(write, ",".join(order).encode())
        os._exit(0)
    os.waitpid(child, 0)
    thread.join()
    assert os.read(read, 100) == b"imported"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        ("us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/us-east5/publishers/x/models/y:z", "us-east5"),
        ("aiplatform.eu.rep.googleapis.com", "/v1/projects/p/locations/eu/publishers/x/models/y:z", "eu"),
        ("aiplatform.googleapis.com", "/v1/projects/p/locations/global/publishers/x/models/y:z", "global"),
        ("eu.api.openai.com", "/v1/responses", "eu"),
        ("api.openai.com", "/v1/responses", None),
        ("gateway.example", "/v1/chat/completions", None),
    ],
)
def test_where_an_address_asks_to_be_served(host: str, path: str, place: str | None) -> None:
    assert place_of(host, path) == place
