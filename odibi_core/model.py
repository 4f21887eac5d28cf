"""The base of everything that is written down: frozen, strict about names, silent about values in its errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """
    A message, an event or a part of one.

    Unknown fields are dropped, not refused: a worker of the previous release reads what the next one wrote.
    What may not be understood at all carries a `version` that its reader checks.

    Modules of records do without `from __future__ import annotations`: pydantic would compile each annotation once more, in every start.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, ser_json_inf_nan="strings", defer_build=True)
