"""`incremental:` of a read: take only what is new."""

from typing import Literal

from pydantic import Field

from odibi_core.config.section import Duration, Section, Text, spelled


class IncrementalConfig(Section):
    """
    A window over a column of the source.

    `rolling_window` takes the last `lookback` × `unit`; `stateful` takes what lies above the stored watermark minus
    `watermark_lag`. The first run, when the target does not exist, takes everything in both modes.
    """

    mode: Literal["rolling_window", "stateful"] = "rolling_window"
    column: Text = Field(validation_alias=spelled("column", "key_column"))
    fallback_column: Text | None = None  # stands in where `column` is null
    lookback: int = Field(default=1, ge=1)
    unit: Literal["hour", "day", "month", "year"] = "day"  # a month is 30 days and a year 365
    state_key: Text | None = None  # default: scoped by project, environment, pipeline and node
    watermark_lag: Duration | None = None
    date_format: Literal["oracle", "oracle_sqlserver", "sql_server", "us", "eu", "iso"] | None = None  # of the column in an SQL source
