"""Measured values in other units."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import FRAME, N, case

near = pytest.approx


def convert(value: object, source: str, target: str, expected: object, **more):
    """One value in another unit."""
    frame = pl.LazyFrame({"my x": [value, N]})
    params = {"conversions": {"my x": {"from": source, "to": target, "output": "y"}}, **more}
    return case("unit_convert", params, ["my x", "y"], [(value, expected), (N, N)], frame=frame, types={"y": pl.Float64})


MIXED = pl.LazyFrame({"t": ["32", "hot", N], "d": [date(2024, 1, 31), N, N]})
BOTH = {"T": {"from": "degF", "to": "degC"}, "d": {"from": "m", "to": "ft"}}
WRONG = {"u": {"from": "m", "to": "kg"}}

CASES = [
    # by definition
    convert(212, "degF", "degC", near(100)),
    convert(-40.0, "celsius", "fahrenheit", near(-40)),
    convert(0, "degC", "K", near(273.15)),
    convert(9, "degR", "K", near(5)),
    convert(1, "mile", "km", near(1.609344)),
    convert(3, "feet", "yard", near(1)),
    convert(1, "lb", "kg", near(0.45359237)),
    convert(1, "tonne", "kilograms", near(1000)),
    convert(1, "gallon", "in^3", near(231)),
    convert(1, "m³", "L", near(1000)),
    convert(1, "atm", "Pa", near(101325)),
    convert(1, "bar", "kPa", near(100)),
    convert(1, "kWh", "MJ", near(3.6)),
    convert(90, "km/h", "m/s", near(25)),
    convert(60, "rpm", "rad/s", near(6.283185307179586)),
    convert(1, "mmscf/day", "ft**3/hr", near(1e6 / 24)),
    convert(25, "%", "ppm", near(250_000)),
    # from the tables of NIST SP 811, appendix B.8 and B.9
    convert(1, "psi", "kPa", near(6.894757, rel=1e-6)),
    convert(1, "hp", "W", near(745.6999, rel=1e-6)),
    convert(1, "gpm", "m³/s", near(6.309020e-05, rel=1e-6)),
    convert(1, "lb/ft³", "kg/m**3", near(16.01846, rel=1e-6)),
    convert(1, "inH2O", "Pa", near(249.0889, rel=1e-6)),
    convert(1, "BTU/(hr * ft * degF)", "W/(m * K)", near(1.730735, rel=1e-6)),
    convert(1, "BTU/(hr * ft² * degF)", "W/(m² * K)", near(5.678264, rel=1e-6)),
    convert(1000, "BTU/lb", "kJ/kg", near(2326.0, rel=1e-6)),
    convert(1, "cP", "Pa*s", near(0.001)),
    # pressure of the air
    convert(0, "psig", "psia", near(14.696)),
    convert(10, "psig", "bar", near(24.696 * 0.0689475729316836)),
    convert(101.325, "kPa", "psig", near(0, abs=1e-3)),
    convert(5, "PSIG", "psig", near(5)),
    convert(0, "psig", "kPa", near(80), gauge_pressure_offset="80 kPa"),
    convert(0, "psig", "psi", near(14.696), gauge_pressure_offset=N),
    # in place, and what cannot be converted
    case(
        "unit_convert",
        {"conversions": {"u": {"from": "cm", "to": "m"}}},
        ["Id", "u", "s"],
        [(1, 0.01, " A "), (1, N, "b")],
        frame=FRAME.head(2),
    ),
    case("unit_convert", {"conversions": BOTH}, ["t", "d"], [(near(0), N), (N, N), (N, N)], frame=MIXED),
    case(
        "unit_convert", {"conversions": BOTH, "errors": "ignore"}, ["t", "d"], [("32", date(2024, 1, 31)), ("hot", N), (N, N)], frame=MIXED
    ),
    case(
        "unit_convert", {"conversions": WRONG, "errors": N}, ["Id", "u", "s"], [(1, N, " A ")], frame=FRAME.head(1), types={"u": pl.Float64}
    ),
    case("unit_convert", {"conversions": WRONG, "errors": "ignore"}, ["Id", "u", "s"], [(1, 1, " A ")], frame=FRAME.head(1)),
    case(
        "unit_convert",
        {"conversions": {"u": {"from": "cm", "to": "m"}}},
        ["Id", "u", "s"],
        [],
        frame=FRAME.clear(),
        types={"u": pl.Float64},
    ),
]

MISSING = [(TRANSFORMS, "unit_convert", {"conversions": {"key": {"from": "m", "to": "ft"}}})]
