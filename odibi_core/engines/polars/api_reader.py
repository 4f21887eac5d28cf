"""The rows of a web API as a lazy frame. Answers are landed before they are looked at, so that a retry reads the same ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from pydantic import JsonValue

from odibi_core.engines.polars.column_types import types_of_ddl
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.landed_answers import LandedAnswers
from odibi_core.engines.web.asking import Asker, Reply, Request
from odibi_core.engines.web.options import ApiOptions, api_options, with_dates
from odibi_core.engines.web.paging import first_page, next_page, rows_of
from odibi_core.errors import ConfigError, DataError
from odibi_core.ports import Location, Source

MAX_TOTAL_BYTES = 4 * 1024 * 1024 * 1024


def read_api(source: Source, landing: Location, folder: Path) -> tuple[pl.LazyFrame, int]:
    """
    The rows of all pages. Their types are guessed from all of them, or given by `schema_ddl`.

    Raises:
        ConfigError: If the connection is no web API, or an option cannot be used.
        DataError: If an answer is not JSON, too big, or holds no rows where they should be.
        OdibiError: If the service refuses, or is away.
    """
    if not source.location.uri.startswith(("http://", "https://")):
        raise ConfigError(
            f"connection '{source.location.connection}' is no web API", hint="Use a connection of type http with 'format: api'."
        )
    options = api_options({key: value if source.at is None else with_dates(value, source.at) for key, value in source.options.items()})
    target, count = folder / "rows.ndjson", 0
    with target.open("w", encoding="utf-8") as out:
        for row in _rows(source, options, LandedAnswers(landing)):
            out.write(json.dumps(row) + "\n")
            count += 1
    types = None if options.schema_ddl is None else types_of_ddl(options.schema_ddl)
    with translated(f"reading the answers of '{source.location.name}'"):
        if not count:
            return pl.LazyFrame(schema=types or {}), 0
        frame = pl.scan_ndjson(target, infer_schema_length=None, schema_overrides=types)
        frame.collect_schema()
    return frame if types is None else frame.select(list(types)), count


def _rows(source: Source, options: ApiOptions, landed: LandedAnswers) -> Iterator[dict[str, JsonValue]]:
    taken = 0
    for answer_rows in _pages(source, options, landed):
        for row in answer_rows:
            if options.max_records is not None and taken >= options.max_records:
                return
            yield row
            taken += 1
        if options.max_records is not None and taken >= options.max_records:
            return


def _pages(source: Source, options: ApiOptions, landed: LandedAnswers) -> Iterator[list[dict[str, JsonValue]]]:
    name, paging = source.location.name, options.pagination
    headers = {key.removeprefix("header:"): value for key, value in source.location.options.items() if key.startswith("header:")}
    asker = Asker(name=name, base_url=source.location.options.get("base_url", source.location.uri), headers=headers, http=options.http)
    base = _base(source.location.uri, options)
    request: Request | None = first_page(paging, base)
    size, page = 0, 0
    while request is not None:
        page += 1
        reply = landed.get(page)
        if reply is None:
            asker.check(request.url)
            if page > 1 and options.http.rate_limit.requests_per_second:
                asker.pause(1 / options.http.rate_limit.requests_per_second)
            reply = landed.put(page, asker.ask(request))
        size += len(reply.data)
        if size > MAX_TOTAL_BYTES:
            raise DataError(f"'{name}' gives more than {MAX_TOTAL_BYTES} bytes in all", code="too_big", hint="Ask for less, by 'params'.")
        answer = _parsed(reply, name)
        rows = rows_of(answer, options.response)
        yield rows
        following = next_page(paging, base, request, reply, answer, rows=len(rows), page=page)
        if following is not None and page >= paging.max_pages:
            if "max_pages" in paging.model_fields_set:
                return
            raise DataError(
                f"'{name}' has more than {paging.max_pages} pages",
                code="too_many_pages",
                hint="Set 'pagination.max_pages' to read more, or fewer.",
            )
        request = following


def _base(url: str, options: ApiOptions) -> Request:
    params: Mapping[str, JsonValue] = options.params
    if options.method != "GET" and options.request_body is not None:
        return Request(url=url, method=options.method, params={}, body={**options.request_body, **params})
    return Request(url=url, method=options.method, params=params, body=options.request_body)


def _parsed(reply: Reply, name: str) -> JsonValue:
    if not reply.data.strip():
        return {}
    try:
        answer: JsonValue = json.loads(reply.data)
        return answer
    except (ValueError, RecursionError):
        raise DataError(f"an answer of '{name}' is not JSON", code="api_answer", hint="Check the path and the 'Accept' header.") from None
