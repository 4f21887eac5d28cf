"""Keep secrets out of a story: every text of it passes a redactor, and every mark is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_origin

from pydantic import BaseModel

from odibi_core.story.model import Story

MARK = "[REDACTED"
Model = TypeVar("Model", bound=BaseModel)


def redacted(story: Story, redact: Callable[[str], str]) -> Story:
    """The story with every text, also the keys of maps, as the redactor returns it. Words of the schema stay."""
    return counted_marks(with_texts(story, redact))


def counted_marks(story: Story) -> Story:
    """The story with the number of marks in its own texts."""
    marks = sum(text.count(MARK) for text in texts(story))
    return story.model_copy(update={"privacy": story.privacy.model_copy(update={"redactions": marks})})


def texts(story: BaseModel) -> list[str]:
    """Every text in a story, in no order."""
    found: list[str] = []
    waiting: list[Any] = [story]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, BaseModel):
            waiting.extend(value.__dict__.values())
        elif isinstance(value, tuple | list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend((*value.keys(), *value.values()))
    return found


def with_texts(model: Model, change: Callable[[str], str]) -> Model:
    """The same model with each of its texts changed."""
    words = {name for name, field in type(model).model_fields.items() if _is_word(field.annotation)}
    # Not validated again: only texts change, and they stay texts.
    return model.model_copy(update={name: _value(part, change) for name, part in model.__dict__.items() if name not in words})


def _value(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, BaseModel):
        return with_texts(value, change)
    if isinstance(value, dict):
        return {_value(key, change): _value(part, change) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_value(part, change) for part in value)
    return value


def _is_word(annotation: Any) -> bool:
    """Statuses and kinds are words of the schema: a redactor that knows the secret 'failed' must not break the twin."""
    parts = getattr(annotation, "__args__", ())
    return get_origin(annotation) is Literal or (bool(parts) and all(get_origin(part) is Literal for part in parts))
