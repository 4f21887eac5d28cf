"""Where the web API of a connection is, and the headers to get in with. Nothing is asked here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from pydantic import JsonValue, ValidationError

from odibi_core.config import HttpConnection
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.ports import Location


class WebApi(Frozen):
    """A service and who we are there."""

    what: ClassVar[str] = "a web API"

    base_url: str
    headers: Mapping[str, str] = field(repr=False)

    def at(self, connection: str, path: str) -> Location:
        """An address of the service; a whole one in the path is taken as it is, and must be of the same service to be asked."""
        whole = path.startswith(("http://", "https://"))
        url = path if whole else f"{self.base_url.rstrip('/')}/{path.lstrip('/')}" if path else self.base_url
        options = {"base_url": self.base_url, **{f"header:{name}": value for name, value in self.headers.items()}}
        return Location(connection=connection, path=path, uri=url, options=options)


def read_web_api(name: str, fields: Mapping[str, JsonValue]) -> WebApi:
    """
    The API of a connection.

    Raises:
        ConfigError: If the connection lacks something.
    """
    try:
        connection = HttpConnection.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        raise ConfigError(f"connection '{name}': {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    headers, auth = dict(connection.headers), connection.auth
    match auth.mode:
        case "basic":
            headers["Authorization"] = "Basic " + base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
        case "bearer":
            headers["Authorization"] = f"Bearer {auth.token}"
        case "api_key":
            if auth.value_template.count("{token}") != 1:
                raise ConfigError(f"connection '{name}': 'value_template' must hold '{{token}}' once")
            headers[auth.header_name] = auth.value_template.replace("{token}", auth.api_key)
    if any("\r" in text or "\n" in text for item in headers.items() for text in item):
        raise ConfigError(f"connection '{name}' has a header with a line break")
    return WebApi(base_url=connection.base_url, headers=headers)
