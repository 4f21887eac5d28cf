"""
Row accounting: the rows that a node starts from are those that it hands on, and those that were left out, by what left them out.

A node whose steps say what they do to the number of rows is held to it. Where one of them may do anything (a join, groups, an author's
function), the rows of the node are not accounted for, and nobody pretends that they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from odibi_core.errors import DataError
from odibi_core.events import RowAccount
from odibi_core.ports import Frame, RowEffect

_START = "rows before the first step"


class RowsUnexplainedError(DataError):
    """Rows came or went, and no step of the node does that."""

    code = "rows_unexplained"


@dataclass(kw_only=True)
class RowTrail:
    """The steps of a node as they are applied, so far as they concern the number of rows."""

    start: Frame | None
    rows: int | None = None  # of the start, if that is known without counting
    _stages: list[tuple[RowEffect, Frame]] = field(default_factory=list)  # each kind of leaving out, and what was there after it
    _lost: bool = False  # nothing can be said any more

    def step(self, effect: RowEffect, frame: Frame) -> None:
        """A step was applied, and this is what it made."""
        if effect == "changed":
            self._lost = True
        elif effect != "same" and self._stages and self._stages[-1][0] == effect:
            self._stages[-1] = (effect, frame)
        elif effect != "same":
            self._stages.append((effect, frame))

    def lose(self) -> None:
        """The rows go on as somebody else made them."""
        self._lost = True

    @property
    def knowable(self) -> bool:
        """Whether the rows can be accounted for."""
        return self.start is not None and not self._lost

    def counting(self) -> dict[str, Frame]:
        """What has to be counted in the pass that computes the node: usually nothing, or its input."""
        if self.start is None or self._lost:
            return {}
        between = {_stage(number): frame for number, (_, frame) in enumerate(self._stages[:-1])}
        return between if self.rows is not None else {_START: self.start, **between}

    def account(self, counts: Mapping[str, int], *, rows: int, aside: int = 0) -> RowAccount | None:
        """
        Where the rows are.

        Args:
            counts: Of the frames that `counting` asked for.
            rows: What the node made, before its checks.
            aside: Rows that a pattern set aside.

        Raises:
            RowsUnexplainedError: If the steps do not explain the difference.
        """
        if not self.knowable:
            return None
        before = self.rows if self.rows is not None else counts[_START]
        left_out = {"set_aside": aside} if aside else {}
        there = before
        for number, (effect, _) in enumerate(self._stages):
            last = number == len(self._stages) - 1
            after = rows + aside if last else counts[_stage(number)]
            left_out[effect] = left_out.get(effect, 0) + there - after
            there = after
        if there != rows + aside or any(count < 0 for count in left_out.values()):
            raise _unexplained(before, rows, left_out)
        return RowAccount(rows_in=before, rows_out=rows, left_out={name: count for name, count in left_out.items() if count})


def less(account: RowAccount | None, **left_out: int) -> RowAccount | None:
    """The account after more rows were left out."""
    if account is None:
        return None
    more = {name: count for name, count in left_out.items() if count}
    return account.model_copy(update={"rows_out": account.rows_out - sum(more.values()), "left_out": {**account.left_out, **more}})


def _stage(number: int) -> str:
    return f"rows after stage {number}"


def _unexplained(before: int, rows: int, left_out: Mapping[str, int]) -> RowsUnexplainedError:
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in left_out.items() if count) or "none left out"
    return RowsUnexplainedError(
        f"the rows do not add up: {before} in, {rows} out, {told}",
        hint="Nothing was written. A step made rows come or go that it should keep: please report it with the node's configuration.",
    )
