"""The first tables: append only, without keys or indexes, so that the file stays small and rebuildable.

Column types are spelled out here rather than taken from the code, because a released migration must keep
creating the same tables after the vocabulary has moved on.
"""

from __future__ import annotations

from typing import Final

_CALLS = """
CREATE TABLE calls (
    trace_id UUID, span_id UBIGINT, parent_span_id UBIGINT, enclosing_span_id UBIGINT, operation_id UBIGINT,
    attempt INTEGER, start TIMESTAMP, duration_us BIGINT, ttft_us BIGINT,
    provider VARCHAR, api VARCHAR, operation VARCHAR, server_address VARCHAR, server_port INTEGER,
    request_model VARCHAR, response_model VARCHAR, response_id VARCHAR, request_id VARCHAR,
    stream BOOLEAN, batch BOOLEAN,
    request_tier VARCHAR, service_tier VARCHAR, speed VARCHAR, inference_geo VARCHAR,
    status VARCHAR, http_status INTEGER, error_type VARCHAR, finish_reason VARCHAR, flags VARCHAR[],
    input_uncached_tokens BIGINT, cache_read_tokens BIGINT, cache_write_short_tokens BIGINT,
    cache_write_long_tokens BIGINT, output_tokens BIGINT, reasoning_tokens BIGINT,
    input_audio_tokens BIGINT, input_image_tokens BIGINT, cache_read_audio_tokens BIGINT,
    cache_read_image_tokens BIGINT, output_audio_tokens BIGINT, output_image_tokens BIGINT,
    accepted_prediction_tokens BIGINT, rejected_prediction_tokens BIGINT,
    web_search_requests BIGINT, web_fetch_requests BIGINT, file_search_requests BIGINT,
    code_execution_requests BIGINT, provider_total_tokens BIGINT, provider_cost_picousd BIGINT,
    usage_raw VARIANT,
    max_output_tokens BIGINT, temperature DOUBLE, choices INTEGER, effort VARCHAR,
    request_bytes BIGINT, response_bytes BIGINT,
    request_hash BIGINT, system_template_hash BIGINT, tools_hash BIGINT, schema_hash BIGINT,
    simhash BIGINT, output_hash BIGINT, output_bytes BIGINT, output_kind VARCHAR, tools_called VARCHAR[],
    segments STRUCT(
        "role" VARCHAR, kind VARCHAR, "name" VARCHAR, hash BIGINT, template_hash BIGINT, prefix_hash BIGINT,
        bytes BIGINT, tokens BIGINT, cache VARCHAR, volatile VARCHAR[], volatile_offset_bytes BIGINT,
        volatile_bytes BIGINT, image_detail VARCHAR)[],
    call_site_file VARCHAR, call_site_line INTEGER, call_site_function VARCHAR,
    root_span_name VARCHAR, root_span_kind VARCHAR, service_name VARCHAR, sdk VARCHAR, sdk_version VARCHAR,
    task_name VARCHAR, session_id VARCHAR, user_id VARCHAR, feature VARCHAR,
    prompt_name VARCHAR, prompt_version VARCHAR, labels MAP(VARCHAR, VARCHAR), host VARCHAR, pid INTEGER,
    pricing_id INTEGER
)
"""

_SPANS = """
CREATE TABLE spans (
    trace_id UUID, span_id UBIGINT, parent_span_id UBIGINT, "name" VARCHAR, kind VARCHAR, "scope" VARCHAR,
    start TIMESTAMP, duration_us BIGINT, status VARCHAR, service_name VARCHAR,
    is_llm BOOLEAN, is_root BOOLEAN, provider VARCHAR, operation VARCHAR,
    request_model VARCHAR, response_model VARCHAR, response_id VARCHAR, service_tier VARCHAR,
    error_type VARCHAR,
    input_uncached_tokens BIGINT, cache_read_tokens BIGINT, cache_write_short_tokens BIGINT,
    cache_write_long_tokens BIGINT, output_tokens BIGINT, reasoning_tokens BIGINT,
    input_audio_tokens BIGINT, input_image_tokens BIGINT, cache_read_audio_tokens BIGINT,
    cache_read_image_tokens BIGINT, output_audio_tokens BIGINT, output_image_tokens BIGINT,
    accepted_prediction_tokens BIGINT, rejected_prediction_tokens BIGINT,
    web_search_requests BIGINT, web_fetch_requests BIGINT, file_search_requests BIGINT,
    code_execution_requests BIGINT, provider_total_tokens BIGINT, provider_cost_picousd BIGINT,
    pricing_id INTEGER
)
"""

_PRICE = """
CREATE TABLE price (
    price_key VARCHAR, valid_from TIMESTAMP, valid_to TIMESTAMP, context_lo BIGINT, context_hi BIGINT,
    input_picousd BIGINT, cache_read_picousd BIGINT, cache_write_short_picousd BIGINT,
    cache_write_long_picousd BIGINT, output_picousd BIGINT, reasoning_picousd BIGINT,
    input_audio_picousd BIGINT, input_image_picousd BIGINT, cache_read_audio_picousd BIGINT,
    cache_read_image_picousd BIGINT, output_audio_picousd BIGINT, output_image_picousd BIGINT,
    web_search_picousd BIGINT, web_fetch_picousd BIGINT, file_search_picousd BIGINT,
    code_execution_picousd BIGINT, request_picousd BIGINT, source VARCHAR
)
"""

_RESOLUTION = """
CREATE TABLE price_resolution (
    pricing_id INTEGER, provider VARCHAR, model VARCHAR, service_tier VARCHAR, speed VARCHAR,
    inference_geo VARCHAR, batch BOOLEAN, price_key VARCHAR, status VARCHAR, book_status VARCHAR, reason VARCHAR
)
"""

STATEMENTS: Final = (
    _CALLS,
    _SPANS,
    # LLM spans and wire records that another record of the same call covers: found once, while loading, so that
    # no query has to compare every record with every other.
    "CREATE TABLE span_covered (span_id UBIGINT)",
    "CREATE TABLE call_covered (span_id UBIGINT)",
    "CREATE TABLE ledger (segment VARCHAR, offset_bytes BIGINT, rows BIGINT, rejects BIGINT, loaded_at TIMESTAMP)",
    (
        "CREATE TABLE quarantine (segment VARCHAR, offset_bytes BIGINT, lines BIGINT, bytes BIGINT, reason VARCHAR, "
        "file VARCHAR, found_at TIMESTAMP)"
    ),
    _PRICE,
    _RESOLUTION,
    (
        "CREATE TABLE book (sha256 VARCHAR, source VARCHAR, source_date DATE, fingerprint VARCHAR, "
        "warning VARCHAR, compiled_at TIMESTAMP)"
    ),
    (
        "CREATE TABLE recommendation_state (id VARCHAR, state VARCHAR, reason VARCHAR, until TIMESTAMP, "
        "frozen VARIANT, changed_at TIMESTAMP)"
    ),
)
"""The statements of this migration, in order."""
