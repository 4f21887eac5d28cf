"""Which page comes next, and the rows of one. No input or output here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from pydantic import JsonValue

from odibi_core.engines.web.asking import Reply, Request
from odibi_core.engines.web.options import Answer, Paging
from odibi_core.errors import DataError

_SEGMENT = re.compile(r"([^\[]*)((?:\[\d+\])*)")
_LINK = re.compile(r"<([^>]*)>([^<]*)")


def first_page(paging: Paging, base: Request) -> Request:
    """The first request."""
    match paging.type:
        case "offset_limit":
            return _with(base, {paging.offset_param: paging.start_offset, paging.limit_param: paging.limit})
        case "page_number":
            return _with(base, {paging.page_param: paging.start_page, paging.page_size_param: paging.page_size})
        case _:
            return base


def next_page(paging: Paging, base: Request, asked: Request, reply: Reply, answer: JsonValue, *, rows: int, page: int) -> Request | None:
    """
    The request after one that was answered, or None at the end. `rows` are those of the answer, `page` counts from 1.

    Raises:
        DataError: If a cursor or a link leads back to the page that was just read.
    """
    found: Request | None
    match paging.type:
        case "none":
            return None
        case "offset_limit":
            if rows < paging.limit and (paging.stop_on_empty or rows):
                return None
            found = _with(base, {paging.offset_param: paging.start_offset + page * paging.limit, paging.limit_param: paging.limit})
        case "page_number":
            if rows < paging.page_size and (paging.stop_on_empty or rows):
                return None
            found = _with(base, {paging.page_param: paging.start_page + page, paging.page_size_param: paging.page_size})
        case "cursor":
            cursor = at_path(answer, paging.cursor_path)
            found = _with(base, {paging.cursor_param: cursor}) if cursor not in (None, "", False) else None
        case _:
            target = _linked(reply.link, paging.link_rel)
            found = None if target is None else replace(asked, url=urljoin(asked.url, target), params={})
    if found is not None and found == asked:
        raise DataError("the API leads back to the page that was just read", code="api_answer", hint="Check 'pagination'.")
    return found


def _with(base: Request, more: Mapping[str, JsonValue]) -> Request:
    if base.method != "GET" and base.body is not None:
        return replace(base, body={**base.body, **more})
    return replace(base, params={**base.params, **more})


def _linked(header: str, rel: str) -> str | None:
    for target, about in _LINK.findall(header):
        named = re.search(r"rel\s*=\s*\"?([^\";]+)", about)
        if named is not None and rel in named[1].split():
            return str(target)
    return None


def at_path(answer: JsonValue, path: str) -> JsonValue:
    """What stands at `data.items[0]` of an answer; None if there is nothing."""
    here: Any = answer
    for segment in path.split("."):
        if segment in ("", "$", "$root"):
            continue
        found = _SEGMENT.fullmatch(segment)
        if found is None:
            return None
        if found[1]:
            here = here.get(found[1]) if isinstance(here, dict) else None
        for index in re.findall(r"\d+", found[2]):
            here = here[int(index)] if isinstance(here, list) and int(index) < len(here) else None
    result: JsonValue = here
    return result


def rows_of(answer: JsonValue, how: Answer) -> list[dict[str, JsonValue]]:
    """
    The rows of an answer, in its order.

    Raises:
        DataError: If what stands at the path is no list of objects.
    """
    found: Any = at_path(answer, how.items_path)
    items: list[Any]
    match found:
        case None:
            return []
        case list():
            items = found
        case dict() if how.dict_to_list:
            items = [{"_key": key, **value} if isinstance(value, dict) else {"_key": key, "_value": value} for key, value in found.items()]
        case dict() if how.wrap_single:
            items = [found]
        case _:
            raise _no_rows(how)
    if how.array_row_fields:
        items = [_named(item, how.array_row_fields) for item in items]
    if not all(isinstance(item, dict) for item in items):
        raise _no_rows(how)
    return [{**item, **(how.add_fields or {})} for item in items]


def _named(item: Any, names: list[str]) -> Any:
    if not isinstance(item, list):
        return item
    return dict(zip(names, [*item, *[None] * len(names)], strict=False))


def _no_rows(how: Answer) -> DataError:
    return DataError(
        f"there is no list of objects at '{how.items_path or '$'}' of the answer",
        code="api_answer",
        hint="Correct 'response.items_path', or set 'wrap_single' or 'dict_to_list'.",
    )
