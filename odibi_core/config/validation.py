"""`validation:` and `contracts:` of a node: checks, quarantine and gate."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from odibi_core.config.section import Columns, Duration, Section, Text, ToldBy, spelled, wrong

OnFail = Literal["fail", "warn", "quarantine"]
Share = Annotated[float, Field(ge=0, le=1)]
Bound = int | float | str


class BaseCheck(Section):
    """What all checks have in common."""

    lenient: ClassVar[bool] = True

    name: Text | None = None
    on_fail: OnFail = "fail"


class NotNullCheck(BaseCheck):
    """No null in any of the columns."""

    type: Literal["not_null"] = "not_null"
    columns: Columns


class UniqueCheck(BaseCheck):
    """The columns together identify a row; every member of a duplicate group breaks it."""

    type: Literal["unique"] = "unique"
    columns: Columns


class AcceptedValuesCheck(BaseCheck):
    """The column holds one of the values, or null."""

    type: Literal["accepted_values"] = "accepted_values"
    column: Text
    values: tuple[JsonValue, ...] = Field(min_length=1)


class RangeCheck(BaseCheck):
    """The column lies between `min` and `max`, both included, or is null."""

    type: Literal["range"] = "range"
    column: Text
    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        _check_bounds(self.min, self.max)
        return self


class RegexMatchCheck(BaseCheck):
    """The column matches from its start, or is null."""

    type: Literal["regex_match"] = "regex_match"
    column: Text
    pattern: Text


class RowCountCheck(BaseCheck):
    """The number of rows lies between `min` and `max`, both included."""

    type: Literal["row_count"] = "row_count"
    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        _check_bounds(self.min, self.max)
        return self


class CustomSqlCheck(BaseCheck):
    """The SQL condition holds for all rows but a share of `threshold`."""

    type: Literal["custom_sql"] = "custom_sql"
    condition: Text
    threshold: Share = 0.0


class FreshnessCheck(BaseCheck):
    """The newest value of the column is not older than `max_age`."""

    type: Literal["freshness"] = "freshness"
    column: Text = "updated_at"
    max_age: Duration


class VolumeDropCheck(BaseCheck):
    """The number of rows is not more than a share of `threshold` below the average of the last days."""

    type: Literal["volume_drop"] = "volume_drop"
    threshold: Share = 0.5
    lookback_days: int = Field(default=7, ge=1)


class SchemaCheck(BaseCheck):
    """The frame has the columns of the node's `columns:`; with `strict` no others."""

    type: Literal["schema"] = "schema"
    strict: bool = True


class DistributionCheck(BaseCheck):
    """A figure of the column compares with a number as `threshold` says: `>100`, `<= 0.2`."""

    type: Literal["distribution"] = "distribution"
    column: Text
    metric: Literal["mean", "min", "max", "null_percentage"]
    threshold: str = Field(pattern=r"^\s*(>=|<=|==|!=|>|<|=)\s*[-+]?\d+(\.\d+)?\s*$")
    on_fail: OnFail = "warn"


class ReconcileCheck(BaseCheck):
    """The rows agree with those of `source`, an input of the node or a node above: their number, their `sums` and their `hash`."""

    type: Literal["reconcile"] = "reconcile"
    source: Text
    by: tuple[Text, ...] = ()  # each partition on its own
    sums: tuple[Text, ...] = ()
    hash: tuple[Text, ...] = ()
    tolerance: Share = 0.0


CheckConfig = Annotated[
    NotNullCheck
    | UniqueCheck
    | AcceptedValuesCheck
    | RangeCheck
    | RegexMatchCheck
    | RowCountCheck
    | CustomSqlCheck
    | FreshnessCheck
    | VolumeDropCheck
    | SchemaCheck
    | DistributionCheck
    | ReconcileCheck,
    ToldBy(key="type"),
]


class QuarantineColumns(Section):
    """Which columns are added to rejected rows. Each is named like its key with an underscore before it."""

    lenient: ClassVar[bool] = True

    rejection_reason: bool = Field(default=True, validation_alias=spelled("rejection_reason", "_rejection_reason"))
    rejected_at: bool = Field(default=True, validation_alias=spelled("rejected_at", "_rejected_at"))
    source_batch_id: bool = Field(default=True, validation_alias=spelled("source_batch_id", "_source_batch_id"))
    failed_tests: bool = Field(default=True, validation_alias=spelled("failed_tests", "_failed_tests"))
    original_node: bool = Field(default=False, validation_alias=spelled("original_node", "_original_node"))


class QuarantineConfig(Section):
    """Where rows go that break a check with `on_fail: quarantine`: parquet under `path`, or a Delta `table`."""

    lenient: ClassVar[bool] = True

    connection: Text
    path: Text | None = None
    table: Text | None = None
    add_columns: QuarantineColumns = Field(default_factory=QuarantineColumns)
    retention_days: int | None = Field(default=90, ge=1)
    max_rows: int | None = Field(default=None, ge=1)
    sample_fraction: Share | None = None

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if (self.path is None) == (self.table is None):
            raise wrong("exactly one of 'path' and 'table' is needed")
        return self


class GateThreshold(Section):
    """A pass rate for one check, by its name or type."""

    lenient: ClassVar[bool] = True

    test: Text
    min_pass_rate: Share


class GateRowCount(Section):
    """Bounds for the number of rows, and for its change since the last run."""

    lenient: ClassVar[bool] = True

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    change_threshold: Share | None = None


class GateConfig(Section):
    """What a batch must reach as a whole: rows that pass all checks ÷ rows before quarantine."""

    lenient: ClassVar[bool] = True

    require_pass_rate: Share = 0.95
    on_fail: Literal["abort", "warn_and_write", "write_valid_only"] = "abort"
    thresholds: tuple[GateThreshold, ...] = ()
    row_count: GateRowCount | None = None


class ValidationConfig(Section):
    """The checks on what a node made, and what follows from them."""

    mode: Literal["fail", "warn"] = "fail"
    on_fail: Literal["alert", "ignore"] = "alert"  # has no effect
    tests: tuple[CheckConfig, ...] = ()
    quarantine: QuarantineConfig | None = None
    gate: GateConfig | None = None
    fail_fast: bool = False
    cache_df: bool = False  # has no effect: all checks run in one query


def _check_bounds(low: Bound | None, high: Bound | None) -> None:
    if low is None and high is None:
        raise wrong("at least one of 'min' and 'max' is needed")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise wrong("'min' is above 'max'")
