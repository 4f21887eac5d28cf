"""Join a path that somebody else chose to a base that we chose, and refuse every spelling that could lead out of it."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from odibi_core.errors import ConfigError

MAX_NAME = 1024  # of a blob: learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
RESERVED = ".odibi~"  # a segment that starts so belongs to LocalStore: unfinished writes and locks

# Most names are plain; they need none of the slower questions.
_PLAIN = re.compile(r"[\w=-](?:[\w=.-]*[\w=-])?(?:/[\w=-](?:[\w=.-]*[\w=-])?)*", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def safe_join(base: str, relative: str) -> str:
    """
    Return `base/relative`, with `relative` letter for letter as it was given except that `.` segments are left out.

    A name is opaque: it is decoded only to judge it. An empty name is the base itself, and a slash at the end stays.

    Raises:
        ConfigError: If the name is absolute, has a scheme or a drive, a `..` segment, a backslash or a control character, plainly or
            behind URL encoding or Unicode compatibility forms, or if it is longer than a store takes. The text never quotes the name.
    """
    check_relative(relative)
    kept = "/".join(segment for segment in relative.split("/") if segment != ".") if "." in relative else relative
    if not kept:
        return base
    return f"{base}{kept}" if not base or base.endswith("/") else f"{base}/{kept}"


def check_relative(name: str) -> None:
    """
    Accept a name that stays inside whatever it is joined to.

    Raises:
        ConfigError: As `safe_join` says.
    """
    if len(name) > MAX_NAME:
        raise _refused(f"is longer than {MAX_NAME} characters")
    if _PLAIN.fullmatch(name):
        return
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        raise _refused("is not valid Unicode")
    for form in _readings(name):
        _check_form(form)
    if any(segment.startswith(RESERVED) for segment in name.split("/")):
        raise _refused(f"has a part that starts with '{RESERVED}', which is reserved")


def safe_prefix(prefix: str) -> str:
    """
    The beginning of names as it was given, without `.` segments. Its last part need not be whole.

    Raises:
        ConfigError: As `safe_join` says.
    """
    if not prefix or prefix.endswith("/"):
        return safe_join("", prefix)
    return safe_join("", f"{prefix}x")[:-1]


def _readings(name: str) -> list[str]:
    """The name as given, and as each later reader might understand it: decoded until nothing changes, in plain compatibility letters."""
    readings = [name]
    while True:
        form = unicodedata.normalize("NFKC", unquote(readings[-1]))
        if form == readings[-1]:
            return readings
        readings.append(form)


def _check_form(form: str) -> None:
    if form.startswith("/"):
        raise _refused("is absolute")
    if "\\" in form:
        raise _refused("holds a backslash")
    if any(unicodedata.category(letter) == "Cc" for letter in form):
        raise _refused("holds a control character")
    if _SCHEME.match(form):
        raise _refused("starts with a scheme or a drive")
    for segment in form.split("/"):
        # Windows and some stores drop dots and spaces at the end of a name, which turns ".. ." into "..".
        if segment not in {"", "."} and segment != segment.rstrip(" ."):
            raise _refused("has a part of dots only, or one that ends with a dot or a space")


def _refused(what: str) -> ConfigError:
    return ConfigError(
        f"path {what}", code="path_refused", hint="Use a path inside the connection, with forward slashes and without '..' segments."
    )
