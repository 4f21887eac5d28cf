"""Make personal columns anonymous: hash, keyed hash, mask or redact. The same value always becomes the same text, so joins still work."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from typing import Any, Literal

from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Frame

PrivacyMethod = Literal["hash", "hmac", "mask", "redact"]
REPLACEMENT = "[REDACTED]"
SHOWN = 4  # characters at the end that a mask leaves

_Replace = Callable[[str], str]


def personal_columns(frame: Frame, flagged: Collection[str]) -> tuple[str, ...]:
    """The columns of the frame that are flagged, in any spelling of the case."""
    wanted = {name.lower() for name in flagged}
    return tuple(name for name in frame.collect_schema().names() if name.lower() in wanted)


def anonymised(frame: Frame, columns: Collection[str], *, method: PrivacyMethod, secret: str = "") -> Frame:
    """
    The frame with texts in the place of personal values.

    `hash` is SHA-256 of the value's text with the secret (a salt) behind it, `hmac` is HMAC-SHA-256 with the secret as its key, both in
    lower-case hex. `mask` shows the last four characters and a star for each one before them. `redact` puts one text in the place of
    every value, missing ones too; for the other methods a missing value stays missing.

    The text of a value is that of a SQL cast: `2024-05-01 10:00:00`, `true`, `1.5`; an instant is told in UTC.

    Shape: (rows, columns) → (rows, columns), the given ones as text.

    Raises:
        SchemaMismatchError: If a column holds something without a text (a list, bytes) and the method is not `redact`.

    Source: FIPS 180-4 (SHA-256), RFC 2104 (HMAC).
    """
    import narwhals as nw

    if method == "redact":
        return frame.with_columns(*(nw.lit(REPLACEMENT).alias(column) for column in columns)) if columns else frame
    schema = frame.collect_schema()
    texts = [_text(column, schema[column]) for column in columns]
    return _replaced(frame.with_columns(*texts), columns, _replacement(method, secret)) if texts else frame


def _replacement(method: Literal["hash", "hmac", "mask"], secret: str) -> _Replace:
    salt = secret.encode()
    match method:
        case "hash":
            return lambda text: hashlib.sha256(text.encode() + salt).hexdigest()
        case "hmac":
            return lambda text: hmac.digest(salt, text.encode(), "sha256").hex()
        case "mask":
            return lambda text: "*" * (len(text) - SHOWN) + text[-SHOWN:]


def _text(column: str, dtype: Any) -> Any:
    import narwhals as nw

    value = nw.col(column)
    if dtype.is_nested() or dtype in (nw.Binary, nw.Duration, nw.Object):
        raise SchemaMismatchError(
            f"personal column '{column}' is {dtype} and has no text", hint="Take it apart first, or set 'privacy.method: redact'."
        )
    if not isinstance(dtype, nw.Datetime):
        return value.cast(nw.String)
    instant = value if dtype.time_zone is None else value.dt.convert_time_zone("UTC")
    return instant.dt.to_string("%Y-%m-%d %H:%M:%S%.f").str.replace_all(r"(\.\d*[1-9])0+$", "${1}").alias(column)


def _replaced(frame: Frame, columns: Collection[str], replace: _Replace) -> Frame:
    """Narwhals has no function of one value, so this is the engine's own."""
    import narwhals as nw

    native, polars = frame.to_native(), nw.get_native_namespace(frame)

    def each(values: Any) -> Any:
        texts = [None if text is None else replace(text) for text in values.to_list()]
        return polars.Series(values.name, texts, dtype=polars.String)

    made = [polars.col(column).map_batches(each, return_dtype=polars.String, is_elementwise=True) for column in columns]
    replaced: Frame = nw.from_native(native.with_columns(made))
    return replaced
