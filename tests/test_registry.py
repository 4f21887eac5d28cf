"""Functions by name."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from odibi_core.errors import ConfigError
from odibi_core.registry import Entry, Registry

NO_NUMBER = "input should be a valid integer, unable to parse string as an integer"


class Size(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(ge=1)
    unit: str = "mm"

    @field_validator("unit")
    @classmethod
    def _is_short(cls, value: str) -> str:
        if len(value) > 4:
            raise ValueError("Use a short unit")
        return value


class Nested(BaseModel):
    size: Size


def resize(params: Size) -> int:
    """
    Make it as wide as it says.

    And no wider.
    """
    return params.width


@pytest.fixture
def shapes() -> Registry:
    registry = Registry("shape")
    registry.register("resize", Size)(resize)
    registry.register("frame", Nested)(lambda params: params.size)
    return registry


def test_a_registered_function_is_found_with_its_params(shapes: Registry) -> None:
    """The decorator gives the function back as it was."""
    assert shapes.get("resize") == Entry(name="resize", function=resize, params=Size)
    assert shapes.get("resize").summary == "Make it as wide as it says."
    assert shapes.get("frame").summary == ""
    assert [entry.name for entry in shapes] == ["resize", "frame"]
    assert ("resize" in shapes, "Resize" in shapes, None in shapes) == (True, False, False)


def test_params_are_validated_when_they_are_bound(shapes: Registry) -> None:
    """The model comes back, not the mapping."""
    function, params = shapes.bind("resize", {"width": 3})
    assert (function(params), params) == (3, Size(width=3, unit="mm"))


def test_a_name_is_given_once(shapes: Registry) -> None:
    """Two functions under one name are a mistake of a programmer, not of an author."""
    with pytest.raises(ValueError, match="shape 'resize' is registered twice"):
        shapes.register("resize", Size)(lambda params: params)
    assert shapes.get("resize").function is resize


def test_a_withheld_name_is_refused_as_such(shapes: Registry) -> None:
    """It is known and not to be had: the author reads what to do instead, not a guess at a typing error; joining keeps that."""
    shapes.withhold("resized", hint="Use 'resize'.")
    for registry in (shapes, shapes.joined(Registry("shape"))):
        with pytest.raises(ConfigError) as refused:
            registry.bind("resized", {})
        assert (str(refused.value.message), refused.value.hint, refused.value.error_code) == (
            "shape 'resized' is not available",
            "Use 'resize'.",
            "not_available",
        )
    assert "resized" not in [entry.name for entry in shapes]


@pytest.mark.parametrize(
    ("name", "hint"), [("resise", "Did you mean 'resize'? Known: frame, resize."), ("rotate_it", "Known: frame, resize.")]
)
def test_an_unknown_name_is_answered_with_the_nearest(shapes: Registry, name: str, hint: str) -> None:
    """And with all of them."""
    with pytest.raises(ConfigError) as caught:
        shapes.bind(name, {})
    assert (caught.value.message, caught.value.hint) == (f"unknown shape '{name}'", hint)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("resize", {}, "wrong params of shape 'resize': 'width' field required (known: width, unit)"),
        ("resize", {"width": "p4ssw0rd"}, f"wrong params of shape 'resize': 'width' {NO_NUMBER} (known: width, unit)"),
        (
            "resize",
            {"hight": "p4ssw0rd"},
            "wrong params of shape 'resize': 'width' field required; 'hight' extra inputs are not permitted (known: width, unit)",
        ),
        ("resize", {"width": 0}, "wrong params of shape 'resize': 'width' input should be greater than or equal to 1 (known: width, unit)"),
        (
            "resize",
            {"width": 1, "unit": "p4ssw0rd"},
            "wrong params of shape 'resize': 'unit' value error, Use a short unit (known: width, unit)",
        ),
        ("frame", {"size": {}}, "wrong params of shape 'frame': 'size.width' field required (known: size)"),
    ],
)
def test_wrong_params_are_named_and_never_quoted(shapes: Registry, name: str, params: dict, message: str) -> None:
    """Every one of them, with the known ones."""
    with pytest.raises(ConfigError) as caught:
        shapes.bind(name, params)
    assert caught.value.message == message
    assert caught.value.__cause__ is None
    assert "p4ssw0rd" not in message
