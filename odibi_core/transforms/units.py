"""
Units of measurement: read a unit as people write it, and say how one becomes another.

Each unit is defined by others, down to those of the SI; factors are exact fractions.

Source: BIPM, The International System of Units, 9th edition (https://www.bipm.org/en/publications/si-brochure), and NIST SP 811,
appendix B (https://www.nist.gov/pml/special-publication-811). Of units with several definitions it is the one that engineering
tables in Python take: BTU = 1055.056 J, cal = 4.184 J, ton = 2000 lb, bbl = 31.5 gal, year = 365.25 d.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache

from odibi_core.frozen import Frozen

Dimensions = tuple[tuple[str, int], ...]  # of the base units, sorted: ("kg", 1), ("m", -1) …

# Names = definition. A definition of `1` makes a number of the unit; `-` a base unit of its own.
_DEFINITIONS = """
m meter metre = -
g gram gramme = 0.001 kg
kg kilogram = -
s second sec = -
A ampere amp = -
K kelvin degK delta_degC = -
mol mole = -
cd candela = -
bit = -
rad radian = 1
deg degree arcdegree = 0.017453292519943295769 rad
percent % = 0.01
ppm = 0.000001
in inch inches = 0.0254 m
ft foot feet = 12 in
yd yard = 3 ft
mi mile = 5280 ft
nmi nautical_mile = 1852 m
angstrom Å = 1e-10 m
micron = 1e-6 m
lb pound lbm lbs = 0.45359237 kg
oz ounce = 1/16 lb
grain gr = 1/7000 lb
stone = 14 lb
slug = 1 lbf s^2/ft
ton short_ton = 2000 lb
long_ton = 2240 lb
t tonne metric_ton = 1000 kg
klb = 1000 lb
mlb = 1e6 lb
min minute = 60 s
h hr hour = 60 min
d day = 24 h
week = 7 d
year yr a = 365.25 d
month = 1/12 year
Hz hertz = 1/s
rpm revolutions_per_minute = 0.104719755119659774615 rad/s
L l liter litre = 0.001 m^3
gal gallon = 231 in^3
qt quart = 1/4 gal
pt pint = 1/2 qt
cup = 1/2 pt
floz fluid_ounce = 1/16 pt
imperial_gallon = 4.54609 L
bbl barrel = 31.5 gal
oil_bbl oil_barrel = 42 gal
kgal = 1000 gal
mcf mscf = 1000 ft^3
mmcf mmscf = 1e6 ft^3
acre = 4046.87260987425200 m^2
ha hectare = 10000 m^2
mph mile_per_hour = 1 mi/h
kph kilometer_per_hour = 1000 m/h
kn knot kt = 1 nmi/h
gpm = 1 gal/min
mgd = 1e6 gal/d
cfm scfm acfm = 1 ft^3/min
N newton = 1 kg m/s^2
lbf pound_force force_pound = 9.80665 lb m/s^2
kgf kilogram_force force_kilogram = 9.80665 N
dyn dyne = 1e-5 N
Pa pascal = 1 N/m^2
bar = 100000 Pa
atm atmosphere = 101325 Pa
psi psia pound_force_per_square_inch = 1 lbf/in^2
ksi = 1000 psi
torr Torr = 1/760 atm
mmHg mm_Hg millimeter_Hg = 133.322387415 Pa
inHg in_Hg inch_Hg = 25.4 mmHg
cmH2O cm_H2O = 98.0665 Pa
mH2O = 100 cmH2O
inH2O in_H2O inch_H2O = 2.54 cmH2O
ftH2O feet_H2O = 12 inH2O
J joule = 1 N m
W watt = 1 J/s
Wh watt_hour = 3600 J
eV electron_volt = 1.602176634e-19 J
cal calorie = 4.184 J
BTU Btu british_thermal_unit = 1055.056 J
mbtu = 1000 BTU
mmbtu = 1e6 BTU
therm thm = 100000 BTU
hp horsepower = 550 ft lbf/s
metric_horsepower = 75 kgf m/s
boiler_horsepower = 33475 BTU/h
ton_of_refrigeration refrigeration_ton = 12000 BTU/h
P poise = 0.1 Pa s
St stokes = 0.0001 m^2/s
V volt = 1 W/A
ohm Ω = 1 V/A
VA volt_ampere = 1 V A
coulomb = 1 A s
farad = 1 coulomb/V
byte B = 8 bit
delta_degF degR rankine °R = 5/9 K
"""
# May carry a prefix: those in full a word, the others a letter.
_PREFIXED = """
m meter metre g gram gramme s second A ampere mol mole L l liter litre N newton Pa pascal bar J joule W watt Wh watt_hour eV electron_volt
cal calorie Hz hertz P poise St stokes V volt ohm VA volt_ampere coulomb farad bit byte B t tonne psi lbf cd torr Torr K kelvin
"""
_LETTERS = {"n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2, "d": -1, "da": 1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15}
_WORDS = {"nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1, "deca": 1, "hecto": 2, "kilo": 3, "mega": 6, "giga": 9, "tera": 12}
# A temperature by itself is a point of a scale: factor to kelvin, and what is added before.
_SCALES = {
    **dict.fromkeys(("degC", "celsius", "degree_Celsius", "°C", "degreeC"), (Fraction(1), Fraction("273.15"))),
    **dict.fromkeys(("degF", "fahrenheit", "degree_Fahrenheit", "°F", "degreeF"), (Fraction(5, 9), Fraction("459.67"))),
}
_GAUGE = "psig"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*|[%°][^\s*/()^·]*)|(?P<sign>[*/()^·-]))")
_MOST_POWER = 12


class UnitError(ValueError):
    """A text that is no unit."""


class Unit(Frozen):
    """What one of it is in base units: factor · (value + offset)."""

    factor: Fraction
    dimensions: Dimensions = ()
    offset: Fraction = Fraction(0)

    def times(self, other: Unit, power: int = 1) -> Unit:
        """The product with a power of another unit; offsets are gone then."""
        exponents = dict(self.dimensions)
        for name, exponent in other.dimensions:
            exponents[name] = exponents.get(name, 0) + exponent * power
        kept = tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))
        return Unit(factor=self.factor * other.factor**power, dimensions=kept)


class Conversion(Frozen):
    """From one unit to another: scale · value + shift."""

    scale: float
    shift: float


def unit(text: str, *, atmosphere: Fraction = Fraction(0)) -> Unit:
    """
    Read a unit: `degF`, `kg/m**3`, `BTU/(hr * ft² * degF)`.

    `atmosphere` is what a gauge pressure lacks, in psi; it counts where the whole text is `psig`.

    Raises:
        UnitError: If it is none that is known.
    """
    written = text.strip()
    if written in _SCALES:
        factor, offset = _SCALES[written]
        return Unit(factor=factor, dimensions=(("K", 1),), offset=offset)
    if written.lower() == _GAUGE:
        psi = _named("psi")
        return Unit(factor=psi.factor, dimensions=psi.dimensions, offset=atmosphere)
    return _Reader(written).product()


def conversion(source: Unit, target: Unit) -> Conversion | None:
    """How a value becomes one of another unit; None if they measure different things."""
    if source.dimensions != target.dimensions:
        return None
    scale = source.factor / target.factor
    return Conversion(scale=float(scale), shift=float(source.offset * scale - target.offset))


def pressure_in_psi(text: str) -> Fraction:
    """
    Read a pressure: `14.696 psia`, `101.325 kPa`.

    Raises:
        UnitError: If it is none.
    """
    found = unit(text)
    psi = _named("psi")
    if found.dimensions != psi.dimensions:
        raise UnitError(f"'{text}' is no pressure")
    return found.factor / psi.factor


@cache
def _definitions() -> dict[str, tuple[str, str]]:
    """Name → the first name of its line and the definition."""
    known: dict[str, tuple[str, str]] = {}
    for line in _DEFINITIONS.strip().splitlines():
        names, _, definition = line.partition(" = ")
        for name in names.split():
            known[name] = (names.split()[0], definition)
    return known


@cache
def _named(name: str) -> Unit:
    known = _definitions()
    for spelled in (name, name.removesuffix("s") if len(name) > 3 else name):
        if spelled in known:
            first, definition = known[spelled]
            return Unit(factor=Fraction(1), dimensions=((first, 1),)) if definition == "-" else _Reader(definition).product()
        for prefixes in (_WORDS, _LETTERS):
            for prefix, power in prefixes.items():
                rest = spelled.removeprefix(prefix)
                if rest != spelled and rest in _PREFIXED.split() and (len(rest) > 3) >= (prefixes is _WORDS):
                    found = _named(rest)
                    return Unit(factor=found.factor * Fraction(10) ** power, dimensions=found.dimensions)
    if name in _SCALES or name.lower() == _GAUGE:  # inside of another unit it is a difference
        return Unit(factor=_SCALES[name][0], dimensions=(("K", 1),)) if name in _SCALES else _named("psi")
    raise UnitError(f"'{name}' is no known unit")


class _Reader:
    """Reads a product of units from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        raised = re.sub(r"([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", lambda found: "^" + found[1].translate(_SUPERSCRIPTS), text).replace("**", "^")
        self.tokens: list[str] = []
        position = 0
        while position < len(raised.rstrip()):
            found = _TOKEN.match(raised, position)
            if found is None:
                raise UnitError(f"'{text}' is no unit")
            self.tokens.append(found[found.lastgroup or 0])
            position = found.end()

    def product(self) -> Unit:
        """The whole text."""
        found = self._factors()
        if self.tokens:
            raise UnitError(f"'{self.text}' is no unit")
        return found

    def _factors(self) -> Unit:
        found, power = Unit(factor=Fraction(1)), 1
        expected = True
        while self.tokens and self.tokens[0] != ")":
            if self.tokens[0] in ("*", "·", "/"):
                if expected:
                    raise UnitError(f"'{self.text}' is no unit")
                power = -1 if self.tokens.pop(0) == "/" else 1
                expected = True
            else:
                found = found.times(self._power(), power)
                power, expected = 1, False
        if expected:
            raise UnitError(f"'{self.text}' is no unit")
        return found

    def _power(self) -> Unit:
        first = self.tokens.pop(0)
        if first == "(":
            base = self._factors()
            if not self.tokens or self.tokens.pop(0) != ")":
                raise UnitError(f"'{self.text}' lacks a ')'")
        elif first[0].isdigit():
            base = Unit(factor=Fraction(first))
        elif first in ("^", "-"):
            raise UnitError(f"'{self.text}' is no unit")
        else:
            base = _named(first)
        if not self.tokens or self.tokens[0] != "^":
            return base
        self.tokens.pop(0)
        sign = -1 if self.tokens and self.tokens[0] == "-" and self.tokens.pop(0) else 1
        if not self.tokens or not self.tokens[0].isdigit() or int(self.tokens[0]) > _MOST_POWER:
            raise UnitError(f"'{self.text}' has a power that is no small whole number")
        return Unit(factor=Fraction(1)).times(base, sign * int(self.tokens.pop(0)))
