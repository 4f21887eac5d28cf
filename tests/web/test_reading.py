"""Rows of a web API: page after page, patient, bounded, and the same ones for every attempt of a run."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import polars as pl
import pytest

from odibi_core.engines.web import asking
from odibi_core.engines.web.options import api_options, with_dates
from odibi_core.engines.web.paging import rows_of
from odibi_core.errors import ConfigError, DataError, OdibiError, PermanentServiceError, TransientServiceError
from odibi_core.outbound import may_be_reached
from tests.web.conftest import Api, Asked, Reader, Reply

FAST = {"retries": {"backoff": {"base_s": 0}}}


def _ids(frame: pl.DataFrame) -> list[int]:
    return frame["i"].to_list()


def _rows(start: int, stop: int) -> list[dict[str, int]]:
    return [{"i": i} for i in range(start, min(stop, 6))]


def _by_offset(asked: Asked) -> Reply:
    start = int(asked.params["skip"])
    return Reply({"data": {"items": _rows(start, start + int(asked.params["top"]))}})


def _by_page(asked: Asked) -> Reply:
    page, size = int(asked.params["page"]), int(asked.params["per_page"])
    return Reply(_rows((page - 1) * size, page * size))


def _by_cursor(asked: Asked) -> Reply:
    start = int(asked.params.get("after") or 0)
    return Reply({"items": _rows(start, start + 4), "meta": {"next": str(start + 4) if start + 4 < 6 else None}})


def _by_link(asked: Asked) -> Reply:
    start = int(asked.params.get("from") or 0)
    links = {"Link": f'</rows?from=0>; rel="first", </rows?from={start + 2}>; rel="next"'} if start + 2 < 6 else {}
    return Reply(_rows(start, start + 2), headers=links)


@pytest.mark.parametrize(
    ("answer", "options", "requests"),
    [
        (
            _by_offset,
            {
                "pagination": {"type": "offset_limit", "offset_param": "skip", "limit_param": "top", "limit": 4},
                "response": {"items_path": "data.items"},
            },
            2,
        ),
        (
            _by_offset,
            {
                "pagination": {"type": "offset_limit", "offset_param": "skip", "limit_param": "top", "limit": 3},
                "response": {"items_path": "data.items"},
            },
            3,
        ),
        (_by_page, {"pagination": {"type": "page_number", "page_size": 2}}, 4),
        (
            _by_cursor,
            {"pagination": {"type": "cursor", "cursor_param": "after", "cursor_path": "meta.next"}, "response": {"items_path": "items"}},
            2,
        ),
        (_by_link, {"pagination": {"type": "link_header"}, "params": {"state": "all"}}, 3),
        (lambda _: Reply(_rows(0, 9)), {}, 1),
    ],
)
def test_pages(reader: Reader, api: Api, answer: Any, options: dict[str, Any], requests: int) -> None:
    """Each kind of paging ends by itself, and no page is asked for twice."""
    api.answer = answer
    assert _ids(reader.read(**options)) == [0, 1, 2, 3, 4, 5]
    assert len(api.asked) == requests


def test_an_attempt_reads_what_an_earlier_one_landed(reader: Reader, api: Api) -> None:
    """The service may say something else by now; another run asks it again."""
    calls = 0

    def failing(asked: Asked) -> Reply:
        nonlocal calls
        calls += 1
        return Reply(status=503) if calls == 3 else _by_link(asked)

    api.answer = failing
    options: dict[str, Any] = {"pagination": {"type": "link_header"}, "http": {"retries": {"max_attempts": 1}}}
    with pytest.raises(TransientServiceError):
        reader.read(**options)
    api.answer = lambda asked: Reply([{"i": 90 + int(asked.params.get("from") or 0)}])
    assert _ids(reader.read(**options)) == [0, 1, 2, 3, 94]
    assert _ids(reader.read(**options)) == [0, 1, 2, 3, 94]
    assert len(api.asked) == 4
    assert _ids(reader.read(run="r2", **options)) == [90]
    assert (reader.system / "runs/r1/landed/n/df/000001.json").read_bytes() == b'[{"i": 0}, {"i": 1}]'


@pytest.mark.parametrize(
    ("answer", "how", "expected"),
    [
        ([{"i": 1}], {}, [{"i": 1}]),
        ({"i": 1}, {"wrap_single": True}, [{"i": 1}]),
        (
            {"rates": {"A": 1, "B": {"x": 2}}},
            {"items_path": "rates", "dict_to_list": True},
            [{"_key": "A", "_value": 1}, {"_key": "B", "x": 2}],
        ),
        ([0, [{"i": 1}]], {"items_path": "[1]"}, [{"i": 1}]),
        ({"s": [{"d": [{"i": 1}]}]}, {"items_path": "s[0].d"}, [{"i": 1}]),
        ([[1, 2], [3], [4, 5, 6]], {"array_row_fields": ["a", "b"]}, [{"a": 1, "b": 2}, {"a": 3, "b": None}, {"a": 4, "b": 5}]),
        ([{"i": 1}], {"add_fields": {"source": "x"}}, [{"i": 1, "source": "x"}]),
        ({"other": 1}, {"items_path": "items"}, []),
        ({}, {"items_path": "a[3].b"}, []),
    ],
)
def test_where_the_rows_stand(answer: Any, how: dict[str, Any], expected: Any) -> None:
    """Paths, single objects, mappings and rows that are lists."""
    assert rows_of(answer, api_options({"response": how}).response) == expected


@pytest.mark.parametrize("answer", [{"i": 1}, 7, ["a"], [[1]]])
def test_an_answer_without_rows_is_said(answer: Any) -> None:
    """It is not an empty table."""
    with pytest.raises(DataError, match="no list of objects"):
        rows_of(answer, api_options({}).response)


def test_types_and_no_rows(reader: Reader, api: Api) -> None:
    """Guessed from every row, or as the schema says, also where there is none."""
    api.answer = lambda _: Reply([{"i": 1, "n": {"a": 1}}, {"i": 2.5, "t": "x"}])
    assert reader.read().rows() == [(1.0, {"a": 1}, None), (2.5, None, "x")]
    api.answer = lambda _: Reply([])
    assert reader.read(run="r2", schema_ddl="i BIGINT, t STRING").schema == {"i": pl.Int64, "t": pl.String}
    assert reader.read(run="r3").width == 0


def test_params_headers_and_bodies(reader: Reader, api: Api) -> None:
    """As they are written; with a body the paging goes into it."""
    api.answer = lambda _: Reply([{"i": 1}])
    reader.read(params={"q": "d:[1+TO+2]", "flag": True, "empty": None}, headers={"X-Key": "k"})
    assert (api.asked[0].params, api.asked[0].headers["x-key"]) == ({"q": "d:[1 TO 2]", "flag": "true", "empty": ""}, "k")
    paging = {"type": "offset_limit", "limit": 5}
    reader.read(run="r2", method="POST", request_body={"a": 1}, params={"b": 2}, pagination=paging, max_records=1)
    assert (api.asked[1].params, api.asked[1].body) == ({}, {"a": 1, "b": 2, "offset": 0, "limit": 5})


def test_dates_of_the_run() -> None:
    """In params and in fields that are added."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    given = {"a": "$today", "b": ["{-7d:%Y%m%d}", "{x}"], "c": "$now", "d": 1, "e": "$7_days_ago_compact", "f": "a $today"}
    expected = {"a": "2026-03-01", "b": ["20260222", "{x}"], "c": "2026-03-01T12:00:00+00:00", "d": 1, "e": "20260222", "f": "a $today"}
    assert with_dates(given, now) == expected


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(reader: Reader, api: Api, status: int) -> None:
    """At once here; it may say itself when."""
    api.answer = lambda _: Reply(status=status, headers={"Retry-After": "0"}) if len(api.asked) < 3 else Reply([{"i": 1}])
    assert _ids(reader.read(http=FAST)) == [1]
    assert len(api.asked) == 3


def test_how_long_a_service_wants_to_be_left_alone() -> None:
    """Seconds, or a date; and what is too long is the business of a later attempt."""
    assert asking._retry_after("7", 1) == 7
    assert (
        50 < asking._retry_after(format_datetime(datetime.now(UTC).replace(microsecond=0), usegmt=True).replace("GMT", "GMT"), 1) + 55 < 60
    )
    assert asking._retry_after("soon", 3) == 3


def test_a_service_that_wants_to_be_left_alone_for_long_ends_the_attempt(reader: Reader, api: Api) -> None:
    """A worker does not sleep for minutes; the node is tried again when the service asked for it."""
    api.answer = lambda _: Reply(status=429, headers={"Retry-After": "600"})
    with pytest.raises(TransientServiceError, match="answered 429") as caught:
        reader.read(http=FAST)
    assert caught.value.retry_after == timedelta(minutes=10)
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply({"e": "SECRET"}, 401), PermanentServiceError, "'web/rows' answered 401"),
        (Reply({"e": "SECRET"}, 404), PermanentServiceError, "'web/rows' answered 404"),
        (Reply(b"<html>SECRET"), DataError, "is not JSON"),
        (Reply(b"["), DataError, "is not JSON"),
        (Reply({"SECRET": 1}), DataError, "no list of objects at '$'"),
        (Reply([], 302, {"Location": "http://169.254.169.254/latest"}), ConfigError, "leads to another host"),
        (Reply([], 302, {"Location": "/rows"}), PermanentServiceError, "redirects without end"),
        (Reply([{"i": 1}], 200, {"Link": '<https://evil.example/rows>; rel="next"'}), ConfigError, "leads to another host"),
        (Reply([{"i": 1}], 200, {"Link": '</rows>; rel="next"'}), DataError, "leads back"),
    ],
)
def test_answers_that_are_refused(reader: Reader, api: Api, reply: Reply, error: type[OdibiError], says: str) -> None:
    """Without a word of what they say."""
    api.answer = lambda _: reply
    with pytest.raises(error) as caught:
        reader.read("rows" if False else "/rows", pagination={"type": "link_header"}, http=FAST, headers={"Authorization": "Bearer SECRET"})
    assert says.replace("web/rows", "web//rows") in caught.value.message
    assert "SECRET" not in f"{caught.value} {caught.value.hint}"


def test_an_answer_that_is_too_big(reader: Reader, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read to its end."""
    monkeypatch.setattr(asking, "MAX_ANSWER_BYTES", 1000)
    api.answer = lambda _: Reply([{"i": "x" * 2000}])
    with pytest.raises(DataError, match="more than 1000 bytes"):
        reader.read()


def test_pages_without_end(reader: Reader, api: Api) -> None:
    """The default limit is an error, a limit of the author's own is a wish."""
    api.answer = lambda asked: Reply([{"i": int(asked.params["page"])}])
    assert _ids(reader.read(pagination={"type": "page_number", "page_size": 1, "max_pages": 3})) == [1, 2, 3]
    with pytest.raises(DataError, match="more than 100 pages"):
        reader.read(run="r2", pagination={"type": "page_number", "page_size": 1})


def test_a_service_that_is_away_or_silent(reader: Reader) -> None:
    """It is tried again later."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TransientServiceError, match="cannot be reached"):
            reader.read(base=base, http={"timeout_s": 0.2, "retries": {"max_attempts": 1}})
    with pytest.raises(TransientServiceError, match="cannot be reached"):
        reader.read(base=base, http={"retries": {"max_attempts": 1}})


@pytest.mark.parametrize(
    ("address", "host", "allowed"),
    [
        ("169.254.169.254", "metadata.example", False),
        ("::ffff:169.254.169.254", "x", False),
        ("fe80::1%eth0", "x", False),
        ("fd00:ec2::254", "x", False),
        ("168.63.129.16", "x", False),
        ("0.0.0.0", "x", False),
        ("127.0.0.1", "innocent.example", False),
        ("127.0.0.1", "localhost", True),
        ("::1", "::1", True),
        ("10.1.2.3", "api.internal", True),
        ("93.184.216.34", "example.com", True),
    ],
)
def test_addresses(address: str, host: str, allowed: bool) -> None:
    """Not those of the platform, and this machine only by its name."""
    assert may_be_reached(address, host, private=True, environment={}) is allowed


@pytest.mark.parametrize(
    "options",
    [
        {"paginatoin": {}},
        {"pagination": {"type": "pages"}},
        {"pagination": {"limit": 0}},
        {"http": {"timeout_s": "SECRET"}},
        {"response": {"path": ""}},
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any]) -> None:
    """Refused with their name."""
    with pytest.raises(ConfigError, match="api option '") as caught:
        api_options(options)
    assert "SECRET" not in str(caught.value)
