"""Columns that the author computes with SQL expressions."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, transform
from odibi_core.transforms.frames import in_place

_NEW = "__new"


def _as_sql(value: object) -> object:
    """A number, truth or NULL of the YAML as SQL."""
    if value is None:
        return "NULL"
    return str(value).upper() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


# SQL of the author. A plain number, `true` or `null` in the YAML is one, too.
SqlText = Annotated[str, BeforeValidator(_as_sql), Field(min_length=1)]


class DeriveColumnsParams(Params):
    """Column → expression in SQL."""

    derivations: dict[ColumnName, SqlText] = Field(description='column → SQL, for example `total: "quantity * price"`')

    def queries(self) -> tuple[str, ...]:
        return tuple(f"SELECT *, ({expression}\n) AS {_NEW} FROM df" for expression in self.derivations.values())  # noqa: S608  parsed and checked

    def outline(self, given: Outline, around: Around) -> Outline:
        columns, derived = given, []
        for number, (name, query) in enumerate(zip(self.derivations, self.queries(), strict=True)):
            new = around.query(query, {"df": columns}).column(_NEW)
            derived.append(new.called(name))
            columns = columns.with_columns(new.called(f"{_NEW}_{number}" if name in given.names else name))
        return given.with_columns(*derived)


class Case(Params):
    """One branch."""

    condition: SqlText = Field(description="a condition in SQL")
    value: SqlText = Field(description="a value in SQL: a text in quotes, a number, an expression")


class CaseWhenParams(Params):
    """The branches, in order, and where their value goes."""

    cases: tuple[Case, ...] = Field(min_length=1, description="condition and value of each branch; the first that is true wins")
    default: SqlText = Field(default="NULL", description="the value in SQL where no condition is true")
    output_col: ColumnName = Field(description="the column that gets the value")

    def queries(self) -> tuple[str, ...]:
        branches = " ".join(f"WHEN ({case.condition}\n) THEN ({case.value}\n)" for case in self.cases)
        return (f"SELECT *, CASE {branches} ELSE ({self.default}\n) END AS {_NEW} FROM df",)  # noqa: S608  parsed and checked

    def outline(self, given: Outline, around: Around) -> Outline:
        return given.with_columns(around.query(self.queries()[0], {"df": given}).column(_NEW).called(self.output_col))


class ValidateAndFlagParams(Params):
    """The rules and where the names of those that a row breaks go."""

    rules: dict[Annotated[str, Field(min_length=1)], SqlText] = Field(
        min_length=1, description="name of a rule → a condition in SQL that holds for good rows"
    )
    flag_col: ColumnName = Field(default="_issues", description="the column that gets the names of the broken rules")

    def queries(self) -> tuple[str, ...]:
        broken = ", ".join(f"NOT ({rule}\n) AS {_NEW}_{number}" for number, rule in enumerate(self.rules.values()))
        return (f"SELECT *, {broken} FROM df",)  # noqa: S608  parsed and checked

    def outline(self, given: Outline, around: Around) -> Outline:
        judged = around.query(self.queries()[0], {"df": given})
        return given.with_columns(judged.made(self.flag_col, of=[f"{_NEW}_{number}" for number in range(len(self.rules))]))


@transform("derive_columns", DeriveColumnsParams)
def derive_columns(frame: Frame, params: DeriveColumnsParams, context: TransformContext) -> Frame:
    """
    Add columns computed by SQL expressions.

    A later expression may use an earlier new column. One that exists already is replaced in its place, after all expressions read it.

    Shape: (rows, columns) → (rows, columns and those derived).

    Example: `derivations: {total: "quantity * price"}`.

    Source: Spark's lateral column alias, where a column of the table goes before an alias of the same name.
    """
    columns = frame.collect_schema().names()
    computed: dict[str, str] = {}
    for number, (column, query) in enumerate(zip(params.derivations, params.queries(), strict=True)):
        name = f"{_NEW}_{number}" if column in columns else column
        frame = context.query(frame, query).rename({_NEW: name})
        computed[column] = name
    return in_place(frame, computed, columns)


@transform("case_when", CaseWhenParams)
def case_when(frame: Frame, params: CaseWhenParams, context: TransformContext) -> Frame:
    """
    Choose a value by conditions: that of the first one that is true.

    A condition that is NULL is not true. Values are SQL, so a text stands in quotes. `output_col` may be a column that is there.

    Shape: (rows, columns) → (rows, columns and `output_col`).

    Example: `output_col: age_group, cases: [{condition: "age < 18", value: "'minor'"}], default: "'adult'"`.

    Source: SQL `CASE WHEN … THEN … ELSE … END`.
    """
    columns = frame.collect_schema().names()
    return in_place(context.query(frame, params.queries()[0]), {params.output_col: _NEW}, columns)


@transform("validate_and_flag", ValidateAndFlagParams)
def validate_and_flag(frame: Frame, params: ValidateAndFlagParams, context: TransformContext) -> Frame:
    """
    Say for each row which rules it breaks: their names, parted by a comma and a space, or NULL.

    A rule that is NULL for a row, as a comparison with NULL is, is not broken.

    Shape: (rows, columns) → (rows, columns and `flag_col`).

    Example: `rules: {age_check: "age >= 0", email_format: "email LIKE '%@%'"}` flags age -1 with `age_check`.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    judged = context.query(frame, params.queries()[0])
    names = [nw.when(nw.col(f"{_NEW}_{number}")).then(nw.lit(name)) for number, name in enumerate(params.rules)]
    broken = nw.concat_str(*names, separator=", ", ignore_nulls=True)
    flagged = judged.with_columns(broken.alias(_NEW))
    flagged = flagged.with_columns(nw.when(nw.col(_NEW) != "").then(nw.col(_NEW)).alias(_NEW))
    return in_place(flagged, {params.flag_col: _NEW}, columns)
