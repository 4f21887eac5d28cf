"""What the input of a node must be like: the checks of its `contracts:`, asked in the pass that computes the node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from odibi_core.config import NodeConfig
from odibi_core.errors import CheckFailedError, ConfigError, DataError
from odibi_core.events import CheckResult, DatasetRead, FailingRows
from odibi_core.frozen import Frozen
from odibi_core.planning.checking import contract_checks
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Engine, FileChangedError, Frame
from odibi_core.runtime.failing import Show, failing_rows
from odibi_core.runtime.gating import Past
from odibi_core.runtime.validating import check_context

if TYPE_CHECKING:
    from odibi_core.checks import Flagged


class ContractsFound(Frozen):
    """What the contracts of a node say of its input."""

    results: tuple[CheckResult, ...] = ()
    failing: tuple[FailingRows, ...] = ()


class ContractBrokenError(CheckFailedError):
    """The input is not what the node was promised. Carries what was found."""

    def __init__(self, error: CheckFailedError, found: ContractsFound, reads: tuple[DatasetRead, ...]) -> None:
        super().__init__(error.message, hint=error.hint)
        self.found = found
        self.reads = reads


class Contracts(Frozen):
    """The contracts of a node over its input; nothing is computed yet."""

    flags: Flagged | None
    engine: Engine
    reads: tuple[DatasetRead, ...]
    show: Show

    @property
    def question(self) -> Frame | None:
        """The row that answers them, for the pass that computes the node."""
        return None if self.flags is None else self.flags.totals()

    def judged(self, answer: Mapping[str, Any]) -> ContractsFound:
        """
        What the answer says.

        Raises:
            ContractBrokenError: If a contract is broken that does not only warn.
        """
        if self.flags is None:
            return ContractsFound()
        from odibi_core.checks import failed_error

        results = tuple(result.model_copy(update={"of": "input"}) for result in self.flags.results(answer))
        found = ContractsFound(results=results, failing=self.show(results, self.flags.breaking(results)))
        error = failed_error(results)
        if error is not None:
            raise ContractBrokenError(error, found, self.reads)
        return found

    @contextmanager
    def first(self) -> Iterator[None]:
        """
        While it lasts the node is computed: if that fails because of the data, a broken contract is the better answer.

        Raises:
            ContractBrokenError: Instead of the failure, if a contract is broken.
        """
        try:
            yield
        except FileChangedError:
            raise
        except (ConfigError, DataError):
            question = self.question
            if question is not None:
                self.judged(self.engine.cache(question, {}, question).answer)
            raise


def contracts_of(
    plan: Plan, node: PlannedNode, config: NodeConfig, *, primary: Frame | None, reads: tuple[DatasetRead, ...], engine: Engine, past: Past
) -> Contracts:
    """
    The contracts of a node over its primary input: what `read:` gives, or the first of `inputs:` and of the nodes above.

    Raises:
        SchemaMismatchError: If a contract reads a column that is missing, or whose type it cannot be compared with.
    """
    specs, flags = contract_checks(config), None
    if specs and primary is not None:
        from odibi_core.checks import flagged

        taken = past.taken if len(reads) == 1 else tuple  # of several inputs the catalog has the sum
        flags = flagged(primary, specs, check_context(plan, node, config, engine, taken))
    show = partial(failing_rows, plan=plan, node=node, config=config, engine=engine)
    return Contracts(flags=flags, engine=engine, reads=reads, show=show)
