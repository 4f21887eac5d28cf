"""The base of every section of the YAML: frozen, strict about keys, silent about values in errors and in `repr`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from odibi_core.config.marks import picked
from odibi_core.frozen import Frozen
from odibi_core.redaction import Redactor

NAME_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class UnknownKey(Frozen):
    """A key that its section does not have."""

    mapping: Mapping[str, object]  # the very mapping that holds it: it knows its marks
    key: str
    known: tuple[str, ...]
    lenient: bool  # the reference ignores it silently
    hint: str = ""


class Findings(Frozen):
    """What the sections meet while they are read. Given to pydantic as its context."""

    unknown: list[UnknownKey] = field(default_factory=list)


class Section(BaseModel):
    """
    A part of the configuration.

    When the loader reads it (with `Findings` as context) unknown keys are set aside there, so that all of them are reported
    at once; without it they are refused right here.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
        defer_build=True,
        ser_json_inf_nan="strings",
    )

    lenient: ClassVar[bool] = False  # the reference ignores unknown keys here, so `strict: false` may, too
    also_known: ClassVar[tuple[str, ...]] = ()  # keys that `respelled` moves elsewhere
    instead: ClassVar[Mapping[str, str]] = {}  # keys that people expect here → what to write

    @classmethod
    def spellings(cls) -> dict[str, str]:
        """Every key that may stand here → the field it fills."""
        result: dict[str, str] = {}
        for name, info in cls.model_fields.items():
            alias = info.validation_alias
            if isinstance(alias, AliasChoices):
                result.update({str(choice): name for choice in alias.choices})
            else:
                result[str(alias or name)] = name
            result.setdefault(name, name)
        return result

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Hook: rearrange a mapping that is spelled in an older way."""
        return data

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        spellings = cls.spellings()
        filled: dict[str, str] = {}
        unknown: list[str] = []
        for key in data:
            name = spellings.get(key)
            if name is None and key not in cls.also_known and cls.model_config.get("extra") != "allow":
                unknown.append(key)
            elif name is not None and filled.setdefault(name, key) != key:
                raise PydanticCustomError("two_spellings", "'{first}' and '{second}' mean the same", {"first": filled[name], "second": key})
        if unknown and isinstance(info.context, Findings):
            known = tuple(spellings) + cls.also_known
            info.context.unknown.extend(
                UnknownKey(mapping=data, key=key, known=known, lenient=cls.lenient, hint=cls.instead.get(key, "")) for key in unknown
            )
            data = picked(data, [key for key in data if key not in unknown])
        return cls.respelled(data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if handler.field_name is None:
            return handler(source)
        name = f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"  # under which a JSON Schema has it once
        return core_schema.chain_schema([handler.generate_schema(Annotated[Any, _WhenMet(section=cls)])], ref=name)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """The fields that may be seen, without what looks like a secret in them."""
        patterns = Redactor()
        for name, value in super().__repr_args__():
            yield name, patterns.record({name: value}).get(name)

    def changed(self, **update: Any) -> Self:
        """A copy with other values; they are not checked again."""
        return self.model_copy(update=update)


class _WhenMet(Frozen):
    """
    A section inside another one.

    How it is validated is worked out when the first one is met: a project has few of the sections that there are.
    """

    section: type[Section]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validated)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        self.section.model_rebuild()
        return handler(self.section.__pydantic_core_schema__)

    def _validated(self, value: Any, info: ValidationInfo) -> Section:
        return self.section.model_validate(value, context=info.context)


class ToldBy(Frozen):
    """Of a union of sections: the key that tells which of them it is."""

    key: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        kinds = {model.model_fields[self.key].default: handler.generate_schema(model) for model in get_args(source)}
        return core_schema.tagged_union_schema(kinds, discriminator=self.key)


def wrong(message: str, *, hint: str = "") -> PydanticCustomError:
    """An error of a section, with a hint for its author. Raise it from a validator."""
    return PydanticCustomError("section", "{message}", {"message": message, "hint": hint})


def spelled(*names: str) -> AliasChoices:
    """The spellings of one key, the canonical one first."""
    return AliasChoices(*names)


def parse_duration(value: object) -> timedelta:
    """
    Read `90s`, `30m`, `6h`, `2d`, `1w`, or a number of seconds.

    Raises:
        PydanticCustomError: If it is none of these, or negative.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10**9:
        return timedelta(seconds=value)
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None or float(match[1]) > 10**6:
        raise wrong("expected a span of time such as '90s', '30m', '6h', '2d' or '1w'")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _seconds(value: timedelta) -> float:
    return value.total_seconds()


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(_seconds, return_type=float, when_used="json")]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=128)]
Text = Annotated[str, Field(min_length=1)]
Columns = Annotated[tuple[Text, ...], Field(min_length=1)]
Secret = Annotated[str, Field(repr=False, min_length=1)]
