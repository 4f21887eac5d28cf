"""Frozen classes: what a frozen, keyword-only dataclass promises, without its price."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

import pytest

from odibi_core.frozen import Frozen

Kind = TypeVar("Kind")


class Place(Frozen):
    """Two fields, of which one is needed."""

    known: ClassVar[int] = 7
    name: str
    row: int = 1


class Box(Place, Generic[Kind]):
    """A class below another one."""

    held: Kind
    notes: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)
    remark: str = field(default="", compare=False)

    @cached_property
    def size(self) -> int:
        """Of the notes."""
        return len(self.notes)


@dataclass(frozen=True, kw_only=True)
class Twin:
    """What `Place` is to be like."""

    name: str
    row: int = 1


def test_fields_are_given_by_name_and_have_their_defaults() -> None:
    """Those of the class above, too; a list is a fresh one each time."""
    box = Box(name="a", held=2)
    assert (box.name, box.row, box.held, box.notes, box.secret) == ("a", 1, 2, [], "")
    assert Box(name="a", held=2).notes is not box.notes
    assert Box(name="a", held=2, notes=["n"]).notes == ["n"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Place: missing field name"),
        ({"row": 2}, "Place: missing field name"),
        ({"name": "a", "rows": 2, "at": 1}, "Place: unknown field at, rows"),
        ({"name": "a", "known": 2}, "Place: unknown field known"),
    ],
)
def test_a_field_too_few_or_too_many_is_refused(given: dict[str, object], said: str) -> None:
    """Called by its name; never with a value, which may be anybody's."""
    with pytest.raises(TypeError) as refused:
        Place(**given)
    assert str(refused.value) == said


def test_nothing_is_set_or_deleted_afterwards() -> None:
    """But for what is computed once."""
    box = Box(name="a", held=2, notes=["n"])
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        box.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del box.name
    assert (box.size, box.name) == (1, "a")


def test_equal_are_those_of_one_class_with_equal_values() -> None:
    """What is not compared does not count, nor what was computed in between; so it is as a key."""
    one, other = Box(name="a", held=2), Box(name="a", held=2, remark="r")
    assert one.size == 0
    assert one == other
    assert one != Box(name="a", held=3)
    assert Place(name="a") != Box(name="a", held=2)
    assert Place(name="a") != Twin(name="a")
    assert {Place(name="a"): 1}[Place(name="a", row=1)] == 1
    assert hash(Place(name="a")) == hash(Twin(name="a"))


def test_it_shows_what_may_be_shown() -> None:
    """As a dataclass does."""
    assert repr(Place(name="a")) == "Place(name='a', row=1)"
    assert repr(Place(name="a")).replace("Place", "Twin") == repr(Twin(name="a"))
    assert repr(Box(name="a", held=2, secret="s")) == "Box(name='a', row=1, held=2, notes=[], remark='')"


def test_the_functions_of_dataclasses_take_it() -> None:
    """And it travels between processes."""
    box = Box(name="a", held=2)
    assert replace(box, row=3) == Box(name="a", held=2, row=3)
    assert [one.name for one in fields(Box)] == ["name", "row", "held", "notes", "secret", "remark"]
    assert asdict(Place(name="a")) == {"name": "a", "row": 1}
    assert pickle.loads(pickle.dumps(box)) == box


def test_a_default_that_is_a_function_stays_one() -> None:
    """It is a value of the field, not a method."""

    class Heard(Frozen):
        """With a callback."""

        tell: object = len

    assert Heard().tell is len
    assert Heard(tell=max).tell is max
