"""Newer price data: on request only, whole or not at all, and back again."""

# ruff: noqa: DTZ001  (naive UTC)
from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from otelcost.errors import EXIT_USAGE, PriceError
from otelcost.pricing import installed, report, snapshot
from otelcost.pricing.book import compile_book, fingerprint
from otelcost.pricing.update import update
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import raw

NOW = datetime(2026, 11, 28, 12)


@pytest.fixture(scope="module")
def newer() -> bytes:
    """The library's data with gpt-4o at another price, a model less and a model more."""
    providers = raw.published()
    house = next(one for one in providers if one["id"] == "openai")
    model = next(one for one in house["models"] if one["id"] == "gpt-4o")
    model["prices"]["input_mtok"] = "1.5"
    house["models"] = [one for one in house["models"] if one["id"] != "o1-pro"]
    house["models"].append({"id": "gpt-7", "match": {"equals": "gpt-7"}, "prices": {"input_mtok": 1, "output_mtok": 4}})
    return raw.encoded(providers)


def gpt_4o() -> int | None:
    (row,) = [row for row in compile_book().rows_for("openai/gpt-4o/standard") if row.valid_from.year == 1970]
    return row.rates.input_picousd


def test_the_published_data_is_the_librarys_to_the_last_rate() -> None:
    assert snapshot.table("x", snapshot.parse(raw.encoded(raw.published()))) == snapshot.table("x")


def test_a_file_is_used_and_the_shipped_data_comes_back(newer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(newer)
    before = fingerprint()
    done = update(str(path), NOW)
    assert done.installed.sha256 == hashlib.sha256(newer).hexdigest()
    assert (done.installed.source, done.installed.installed_at) == (str(path), NOW)
    assert done.changed == 1
    assert (done.added, done.removed) == (1, 2)  # o1-pro has a price in batches too
    assert gpt_4o() == 1_500_000
    assert compile_book().resolve("openai", "gpt-7").status == "exact"
    assert compile_book().resolve("openai", "gpt-6.2-sol").status == "exact"  # the overlay stays
    assert compile_book().source.startswith(f"genai-prices data {done.installed.sha256[:12]}")
    assert fingerprint() != before
    assert installed.remove()
    assert not installed.remove()
    assert (gpt_4o(), fingerprint()) == (2_500_000, before)
    assert list(installed.folder().iterdir()) == []


def test_recorded_calls_are_priced_anew(newer: bytes, home: Path, tmp_path: Path) -> None:
    from .test_report import record

    record(home, "gpt-4o")
    drain()

    def cost() -> Any:
        drain()
        with session() as connection:
            return connection.execute("SELECT cost_picousd FROM v_calls").fetchone()

    assert cost() == (10 * 2_500_000 + 10_000_000,)
    (tmp_path / "data.json").write_bytes(newer)
    update(str(tmp_path / "data.json"), NOW)
    assert cost() == (10 * 1_500_000 + 10_000_000,)


BROKEN = [
    (b"", "is no price data"),
    (b"{}", "not an array of providers"),
    (b"[1]", "not an array of providers"),
    (b'[{"id": "x"}]', "is no price data"),
    (b"[]", "lacks 2"),
]


@pytest.mark.parametrize(("content", "says"), BROKEN)
def test_broken_data_changes_nothing(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(content)
    with pytest.raises(PriceError, match=says) as caught:
        update(str(path), NOW)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE
    assert installed.current() is None
    assert not installed.folder().exists()


def test_half_a_file_changes_nothing(newer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(newer)
    kept = update(str(path), NOW).installed
    path.write_bytes(newer[: len(newer) // 2])
    with pytest.raises(PriceError, match="is no price data"):
        update(str(path), NOW)
    assert installed.current() == kept


@contextmanager
def served(content: bytes, redirect: str | None = None) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if redirect else 200)
            if redirect:
                self.send_header("location", redirect)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/data.json"
        finally:
            server.shutdown()
            thread.join()


def test_an_address_is_fetched_and_its_day_is_today(newer: bytes) -> None:
    with served(newer) as address:
        done = update(f"{address}?token=secret", NOW)
    assert (done.installed.source, done.installed.newest) == (address, date(2026, 11, 28))
    assert snapshot.newest_date(date(2026, 11, 30)) == date(2026, 11, 28)


def test_only_safe_addresses_are_opened() -> None:
    for address in ("http://example.org/data.json", "ftp://127.0.0.1/x", "file:///etc/passwd"):
        with pytest.raises(PriceError, match="is not an https address"):
            update(address, NOW)
    with served(b"", redirect="file:///etc/passwd") as address, pytest.raises(PriceError):
        update(address, NOW)
    with pytest.raises(PriceError, match="cannot be fetched"):
        update("http://127.0.0.1:9/data.json", NOW)
    with pytest.raises(PriceError, match="cannot be read"):
        update("/nowhere/data.json", NOW)


def test_damaged_data_is_not_used_and_named(newer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(newer)
    done = update(str(path), NOW)
    there = installed.folder() / f"data-{done.installed.sha256[:16]}.json"
    there.write_bytes(newer.replace(b"1.5", b"9.5", 1))
    assert installed.current() is None
    assert gpt_4o() == 2_500_000
    drain()
    with session() as connection:
        kinds = [finding.kind for finding in report.check(connection, today=date(2026, 11, 10))]
    assert kinds == ["snapshot"]
    (installed.folder() / "current.json").write_text("{")
    assert installed.is_damaged()
