"""Measured values in other units."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, transform
from odibi_core.transforms.conversions import is_text
from odibi_core.transforms.frames import find_columns
from odibi_core.transforms.units import Conversion, conversion, pressure_in_psi, unit

_SEA_LEVEL = "14.696 psia"


def _known_unit(text: str) -> str:
    unit(text)
    return text


def _a_pressure(text: str | None) -> str | None:
    if text is not None:
        pressure_in_psi(text)
    return text


UnitText = Annotated[str, Field(min_length=1), AfterValidator(_known_unit)]


class UnitConversion(Params):
    """From which unit to which."""

    from_unit: UnitText = Field(alias="from", description="the unit of the column: `psig`, `degF`, `BTU/lb`")
    to: UnitText = Field(description="the unit of the result: `bar`, `degC`, `kJ/kg`")
    output: ColumnName | None = Field(default=None, description="the column that gets the result; the column itself if none is named")


class UnitConvertParams(Params):
    """The conversions by column."""

    conversions: dict[ColumnName, UnitConversion] = Field(min_length=1, description="column → `{from, to, output}`")
    gauge_pressure_offset: Annotated[str | None, AfterValidator(_a_pressure)] = Field(
        default=_SEA_LEVEL, description="the pressure of the air, which `psig` does not count"
    )
    errors: Annotated[Literal["null", "raise", "ignore"], BeforeValidator(lambda value: "null" if value is None else value)] = Field(
        default="null", description="what cannot be converted becomes NULL (null), fails (raise) or stays as it is (ignore)"
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> UnitConvertParams:
        for column, spec in self.conversions.items():
            if self.errors == "raise" and self.plan(spec) is None:
                raise ValueError(f"'{column}': '{spec.from_unit}' and '{spec.to}' measure different things")
        return self

    def plan(self, spec: UnitConversion) -> Conversion | None:
        """How a value is converted; None if its units do not fit each other."""
        air = pressure_in_psi(self.gauge_pressure_offset or _SEA_LEVEL)
        return conversion(unit(spec.from_unit, atmosphere=air), unit(spec.to, atmosphere=air))

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.conversions, at="conversions")
        columns = [given.made(spec.output or given.column(name).name, of=[name]) for name, spec in self.conversions.items()]
        if self.errors == "ignore":  # what cannot be converted has no result, and that is seen in the data
            return given.opened()
        return given.with_columns(*columns)


@transform("unit_convert", UnitConvertParams)
def unit_convert(frame: Frame, params: UnitConvertParams, _: TransformContext) -> Frame:
    """
    Convert measured values to other units. The result is a double; NULL stays NULL.

    Units are written as products, `kg/m**3` or `W/(m² * K)`, with SI prefixes. `degC` and `degF` by themselves are temperatures, inside
    of another unit they are differences; `psig` is a pressure above that of the air. A unit that is not known is refused.

    Shape: (rows, columns) → (rows, columns and each `output`).

    Example: `conversions: {temp_f: {from: degF, to: degC, output: temp_c}}`.

    Raises:
        SchemaMismatchError: If a column is missing, or with `errors: raise` holds no numbers.

    Source: the definitions in `odibi_core/transforms/units.py`.
    """
    import narwhals as nw

    found = find_columns(frame, params.conversions, who="unit_convert")
    schema = frame.collect_schema()
    for column, spec in zip(found, params.conversions.values(), strict=True):
        plan = params.plan(spec)
        numeric, text = schema[column].is_numeric(), is_text(schema[column])
        if params.errors == "raise" and not (numeric or text):
            raise SchemaMismatchError(
                f"'unit_convert' needs numbers, and column '{column}' is {schema[column]}", hint="Cast it before, or set 'errors: null'."
            )
        if params.errors == "ignore" and (plan is None or not numeric):
            continue
        output = spec.output or column
        if plan is None or not (numeric or text):
            frame = frame.with_columns(nw.lit(None, dtype=nw.Float64()).alias(output))
            continue
        value = nw.col(column).cast(nw.Float64)
        if text:
            frame, value = _as_number(frame, column, strict=params.errors == "raise"), nw.col(_NUMBER)
        frame = frame.with_columns((value * plan.scale + plan.shift).alias(output))
    return frame.drop(_NUMBER, strict=False)


_NUMBER = "__number"


def _as_number(frame: Frame, column: str, *, strict: bool) -> Frame:
    """The frame with a column of text as numbers; narwhals has no cast that makes NULL of what is none."""
    import narwhals as nw

    if not frame.implementation.is_polars():
        return frame.with_columns(nw.col(column).cast(nw.Float64).alias(_NUMBER))
    pl: Any = nw.get_native_namespace(frame)
    number = pl.col(column).cast(pl.String).str.strip_chars().cast(pl.Float64, strict=strict)
    numbered: Frame = nw.from_native(frame.to_native().with_columns(number.alias(_NUMBER)))
    return numbered
