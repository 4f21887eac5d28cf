"""`logging:` of the project."""

from typing import ClassVar, Literal

from pydantic import JsonValue

from odibi_core.config.section import Section

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class LoggingConfig(Section):
    """How much is logged, and in which shape."""

    lenient: ClassVar[bool] = True

    level: LogLevel = "INFO"
    structured: bool = False  # JSON lines; in production they are the default whatever stands here
    metadata: dict[str, JsonValue] = {}  # has no effect
