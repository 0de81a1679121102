"""The vocabulary every part shares: Call, Usage, Segment. Frozen, no I/O, imports nothing of ours.

Units are in the names: `_tokens`, `_us` (microseconds), `_bytes`, `_picousd` (10^-12 US dollars).
`None` means "unknown" and is never the same as 0. Hashes are the first 63 bits of a BLAKE3 keyed with
the store's local key, so that a digest of a guessed prompt cannot be looked up by anybody else.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SCHEMA_VERSION: Final = 1
"""Version of a spool line. It is part of every segment's file name."""

PICOUSD: Final = 10**12
"""Pico-dollars in a dollar."""

NO_USAGE: Final = msgspec.Raw()
"""What stands for the usage object of a provider that sent none."""

Status = Literal["ok", "error", "aborted", "timeout", "cancelled", "incomplete"]
"""How an attempt ended.

ok: the provider finished its answer. incomplete: it stopped early by its own word (`max_tokens`, content
filter, `response.incomplete`). error: an HTTP error or an error event. aborted: the caller closed the
stream before its terminal event. cancelled: the caller's task was cancelled. timeout: the client gave up.
"""

Flag = Literal[
    "estimated",  # tokens counted by us, because the provider sent none
    "lower_bound",  # the provider may have billed more than is known (cut short, another model or unit besides)
    "provider_assumed",  # unknown host: the provider is taken from the wire format
    "request_truncated",  # the request was larger than the cap on pending bytes
    "response_truncated",  # the same for the response
    "request_undecodable",  # not the JSON the path promises
    "response_undecodable",
    "unknown_event",  # a stream event this version does not know
    "usage_mismatch",  # the provider's own total differs from the sum of its parts
    "hidden_iterations",  # usage includes provider-side iterations outside the top-level counts
    "free",  # the provider charges nothing for it: what it counted is in no bucket, only `provider_total_tokens`
    "retrieved",  # an answer read again: it settles the call that created it, and is never billed itself
]

SegmentKind = Literal["system", "tool", "text", "image", "audio", "document", "tool_call", "tool_result", "schema"]


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token buckets of one call.

    `input_uncached + cache_read + cache_write_short + cache_write_long` is the whole input and
    `output` the whole output: these five are disjoint. The others are *parts of* the bucket named in
    their comment and are never added to it. All are token counts unless the name says otherwise.
    """

    input_uncached_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_short_tokens: int | None = None  # Anthropic 5 minutes, OpenAI 30 minutes
    cache_write_long_tokens: int | None = None  # Anthropic 1 hour, OpenAI 12 hours
    output_tokens: int | None = None
    reasoning_tokens: int | None = None  # part of output
    input_audio_tokens: int | None = None  # part of input_uncached
    input_image_tokens: int | None = None  # part of input_uncached
    cache_read_audio_tokens: int | None = None  # part of cache_read
    cache_read_image_tokens: int | None = None  # part of cache_read
    output_audio_tokens: int | None = None  # part of output
    output_image_tokens: int | None = None  # part of output
    accepted_prediction_tokens: int | None = None  # part of output
    rejected_prediction_tokens: int | None = None  # part of output
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None
    file_search_requests: int | None = None
    code_execution_requests: int | None = None
    provider_total_tokens: int | None = None  # the provider's own total, kept for reconciliation
    provider_cost_picousd: int | None = None  # where the provider itself sends a price


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of a prompt, in wire order as the provider's cache sees it: tools, system, messages."""

    role: str  # "tool", "system", "user", "assistant"
    kind: SegmentKind
    hash: int  # keyed, 63 bits, over the exact bytes
    template_hash: int  # the same with numbers, dates, uuids and quoted values masked
    prefix_hash: int  # cumulative over this and all earlier segments
    bytes: int
    tokens: int | None = None  # the provider's total input shared out by calibrated bytes per token
    name: str | None = None  # a tool's name
    cache: Literal["5m", "1h", "30m", "12h"] | None = None  # an explicit breakpoint at the end of this segment
    volatile: tuple[str, ...] = ()  # classes found: "datetime", "uuid", "counter", "epoch"
    volatile_offset_bytes: int | None = None  # where the first volatile value starts
    volatile_bytes: int | None = None  # how many bytes are volatile values
    image_detail: str | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What only the caller's process knows of an attempt: identity, time and place."""

    trace_id: str  # 32 hex digits
    span_id: str  # 16 hex digits; unique per attempt: the id of the call
    start_unix_us: int
    operation_id: str  # span id of the first attempt of the logical request
    attempt: int = 1  # 1 is the first
    duration_us: int | None = None  # request sent until the body was read or closed
    ttft_us: int | None = None  # request sent until the first body chunk of a stream
    parent_span_id: str | None = None
    enclosing_llm_span_id: str | None = None  # an active LLM span of another instrumentation, if any
    root_span_name: str | None = None
    root_span_kind: str | None = None  # "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"
    call_site_file: str | None = None  # relative to the working directory where possible
    call_site_line: int | None = None
    call_site_function: str | None = None
    service_name: str | None = None
    sdk: str | None = None  # "openai", "anthropic", ... from the client's own headers
    sdk_version: str | None = None
    task: str | None = None  # named by the user
    session_id: str | None = None
    user_id: str | None = None
    feature: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    labels: dict[str, str] = {}
    host: str | None = None
    pid: int | None = None


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP attempt as bytes: what a capture seam hands to `otelcost.wire.decode`.

    Header maps hold lower-case names and only those of `otelcost.wire.HEADERS`: never a secret.
    """

    method: str
    host: str
    port: int | None
    path: str  # without the query
    query: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int | None  # None: no response arrived
    response_headers: dict[str, str]
    response_body: bytes  # as on the wire (see content-encoding), or decoded when `response_decoded`
    response_decoded: bool
    ended: Literal["complete", "closed", "cancelled", "timeout", "error"]
    error_type: str | None  # class name of a transport exception
    request_truncated: bool
    response_truncated: bool
    trusted_host: bool  # the user says that this host forwards to the wire format's own provider
    context: Context


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP attempt at a provider: the billable unit, without its text. One spool line."""

    context: Context
    usage: Usage = Usage()
    usage_raw: msgspec.Raw = NO_USAGE  # the provider's usage object as JSON on one line; empty: none, or too long
    provider: str  # OpenTelemetry `gen_ai.provider.name`
    api: str  # decoder: "openai.chat", "openai.responses", "anthropic.messages", ...
    operation: str  # OpenTelemetry `gen_ai.operation.name`
    server_address: str | None = None
    server_port: int | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    request_id: str | None = None  # the provider's request-id header
    stream: bool = False
    batch: bool = False
    request_tier: str | None = None
    service_tier: str | None = None  # as served; None: the provider did not say
    speed: str | None = None
    inference_geo: str | None = None
    status: Status = "ok"
    http_status: int | None = None
    error_type: str | None = None
    finish_reason: str | None = None
    flags: tuple[Flag, ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    choices: int | None = None  # `n`
    effort: str | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    request_hash: int | None = None  # whole request with its parameters, canonical JSON
    system_template_hash: int | None = None
    tools_hash: int | None = None
    schema_hash: int | None = None
    simhash: int | None = None  # of the last text the user wrote
    system_simhash: int | None = None  # of the system texts without their digits
    output_hash: int | None = None
    output_bytes: int | None = None  # bytes of text and tool arguments the model produced
    output_kind: Literal["text", "json", "tool", "vector", "none"] | None = None
    tools_called: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()


class SpanRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A span of somebody else's instrumentation, kept where it is an LLM call or a local root."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    scope: str
    start_unix_us: int
    duration_us: int
    status: str  # "UNSET", "OK", "ERROR"
    service_name: str | None = None
    is_llm: bool = False
    is_root: bool = False
    provider: str | None = None
    operation: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    error_type: str | None = None
    task: str | None = None  # the name it has where otelcost recorded it; only of what otelcost exported
    usage: Usage = Usage()
