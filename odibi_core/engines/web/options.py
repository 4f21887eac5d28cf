"""The `options:` of a read from a web API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationError

from odibi_core.config.dates import resolve_date
from odibi_core.errors import ConfigError
from odibi_core.model import Record


class Paging(Record):
    """How the pages of an answer follow each other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["none", "offset_limit", "page_number", "cursor", "link_header"] = "none"
    offset_param: str = "offset"
    limit_param: str = "limit"
    limit: int = Field(default=100, ge=1)
    start_offset: int = Field(default=0, ge=0)
    page_param: str = "page"
    page_size_param: str = "per_page"
    page_size: int = Field(default=100, ge=1)
    start_page: int = Field(default=1, ge=0)
    cursor_param: str = "cursor"
    cursor_path: str = "next_cursor"
    link_rel: str = "next"
    max_pages: int = Field(default=100, ge=1)
    stop_on_empty: bool = True
    stop_when_cursor_missing: bool = True


class Answer(Record):
    """Where the rows stand in an answer, and what is added to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items_path: str = ""
    wrap_single: bool = False
    dict_to_list: bool = False
    array_row_fields: list[str] | None = None
    add_fields: dict[str, JsonValue] | None = None


class Backoff(Record):
    """How long to wait between two attempts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_s: float = Field(default=1.0, ge=0)
    max_s: float = Field(default=60.0, ge=0)
    exponential_base: float = Field(default=2.0, ge=1)


class Retries(Record):
    """Which answers are asked for again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_attempts: int = Field(default=3, ge=1, le=10)
    backoff: Backoff = Field(default_factory=Backoff)
    retry_on_status: list[int] = [429, 500, 502, 503, 504]


class RateLimit(Record):
    """How fast to ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["auto", "fixed"] = "auto"
    requests_per_second: float | None = Field(default=None, gt=0)


class Http(Record):
    """Patience."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_s: float = Field(default=30.0, gt=0, le=300)
    retries: Retries = Field(default_factory=Retries)
    rate_limit: RateLimit = Field(default_factory=RateLimit)


class ApiOptions(Record):
    """Everything that a read of an API says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["GET", "POST", "PUT", "PATCH"] = "GET"
    params: dict[str, JsonValue] = {}
    request_body: dict[str, JsonValue] | None = None
    pagination: Paging = Field(default_factory=Paging)
    response: Answer = Field(default_factory=Answer)
    http: Http = Field(default_factory=Http)
    max_records: int | None = Field(default=None, ge=1)
    schema_ddl: str | None = None


def api_options(options: Mapping[str, JsonValue]) -> ApiOptions:
    """
    Read the options of an API.

    Raises:
        ConfigError: If one is unknown or cannot be used.
    """
    try:
        return ApiOptions.model_validate(_respelled(dict(options)))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"api option '{where}' cannot be used: {first['msg'].lower()}", hint="Compare it with the documentation."
        ) from None


def _respelled(options: dict[str, Any]) -> dict[str, Any]:
    """`retry` and `rate_limit` may stand beside `http` too."""
    http = dict(options.pop("http", None) or {})
    retry = options.pop("retry", None)
    if isinstance(retry, dict):
        names = {"max_retries": "max_attempts", "retry_codes": "retry_on_status"}
        http.setdefault("retries", {names.get(key, key): value for key, value in retry.items() if key != "backoff_factor"})
    if "rate_limit" in options:
        http.setdefault("rate_limit", options.pop("rate_limit"))
    limit = http.get("rate_limit")
    if isinstance(limit, dict) and limit.get("requests_per_second") and "type" not in limit:
        http["rate_limit"] = {**limit, "type": "fixed"}
    return {**options, **({"http": http} if http else {})}


def with_dates(value: JsonValue, now: datetime) -> JsonValue:
    """Put the run's time in the place of `$now`, `$today`, `$7_days_ago` … and `{-30d:%Y%m%d}` in the texts of a value."""
    match value:
        case dict():
            return {key: with_dates(inner, now) for key, inner in value.items()}
        case list():
            return [with_dates(inner, now) for inner in value]
        case str():
            return _dated(value, now)
        case _:
            return value


def _dated(text: str, now: datetime) -> str:
    days = {"today": 0, "yesterday": 1, "7_days_ago": 7, "30_days_ago": 30, "90_days_ago": 90}
    names = {"now": now.isoformat()}
    for name, back in days.items():
        day = now.date() - timedelta(days=back)
        names |= {name: day.isoformat(), f"{name}_compact": f"{day:%Y%m%d}"}
    if text.startswith("$") and text[1:] in names:
        return names[text[1:]]
    if text.startswith("{") and text.endswith("}") and "{" not in text[1:]:
        expression, _, layout = text[1:-1].partition(":")
        try:
            return resolve_date(expression, layout or None, now)
        except ConfigError:
            return text  # no date
    return text
