"""
The authors' own functions: an ordinary Python function of a frame becomes a transform, with parameters as its signature has them.

```python
from odibi_core.transforms import transform

@transform
def only_large(frame, minimum: float = 10.0):
    "Keep the large amounts."
    return frame.filter(nw.col("amount") >= minimum)
```

In the YAML: `{ function: only_large, params: { minimum: 20 } }`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel, Field, create_model

from odibi_core.errors import ConfigError, OdibiError
from odibi_core.frozen import Frozen
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.contract import Params, Transform, TransformContext

AuthorFunction = TypeVar("AuthorFunction", bound=Callable[..., Any])

_MARK = "__odibi_transform__"
_CONTEXT = ("context", "_", "_context")


class Declared(Frozen):
    """What the decorator was told."""

    name: str
    params: type[BaseModel] | None
    native: bool


@overload
def transform(name: AuthorFunction, /) -> AuthorFunction: ...


@overload
def transform(
    name: str | None = None, params: type[BaseModel] | None = None, *, native: bool = False
) -> Callable[[AuthorFunction], AuthorFunction]: ...


def transform(name: Any = None, params: type[BaseModel] | None = None, *, native: bool = False) -> Any:
    """
    Make a function known to the project in whose `transforms.py` or `transforms/*.py` it stands.

    Its first argument is the frame: a lazy one of narwhals, with `native` a lazy one of Polars. An argument `context` gives the node's
    other inputs, `context.dataset(name)`. All other arguments are parameters in the YAML, checked against their annotations; or there is
    one argument of the model `params`. The function gives a frame back, lazy or not.
    """
    if callable(name):
        return transform()(name)

    def marked(function: AuthorFunction) -> AuthorFunction:
        setattr(function, _MARK, Declared(name=name or function.__name__, params=params, native=native))
        return function

    return marked


def declared_in(function: Any) -> Declared | None:
    """What the decorator says of a function, if it was decorated."""
    found = vars(function).get(_MARK) if inspect.isfunction(function) else None
    return found if isinstance(found, Declared) else None


def adapted(function: Callable[..., Any], declared: Declared, *, place: Callable[[BaseException], str]) -> tuple[Transform, type[Params]]:
    """
    The function as a transform, and the model of its parameters. `place` says where in the project's files an error came from.

    Raises:
        TypeError: If its signature cannot be used.
    """
    signature = inspect.signature(function)
    frame, context, others = _roles(signature)
    if declared.params is None:
        model = _model_of(function, others, reads_everything=context is not None)
        spread = {field: info.alias or field for field, info in model.model_fields.items()}
    else:
        if len(others) != 1:
            raise TypeError("with a model of parameters it takes the frame, one argument for the model and, if it likes, 'context'")
        model = _strict(declared.params, reads_everything=context is not None)
        spread = {}

    def call(given: Frame, params: Any, around: TransformContext) -> Frame:
        values = {spread[field]: getattr(params, field) for field in spread} if spread or not others else {others[0].name: params}
        values[frame] = given.to_native() if declared.native else given
        if context is not None:
            values[context] = around.natively() if declared.native else around
        try:
            result = function(*_positional(signature, values), **_named(signature, values))
        except OdibiError:
            raise
        except Exception as error:  # noqa: BLE001  the border to the authors' code: their error is told as theirs, without its text
            raise failed(f"function '{declared.name}'", error, place(error)) from None
        return _framed(result, declared.name, given)

    call.__doc__ = inspect.getdoc(function) or f"A function of this project: {declared.name}."
    return call, model


def _roles(signature: inspect.Signature) -> tuple[str, str | None, list[inspect.Parameter]]:
    """Which argument is the frame, which the context, and which are parameters. `current` is the frame, as in older projects."""
    arguments = list(signature.parameters.values())
    if any(argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD) for argument in arguments):
        raise TypeError("it takes any arguments (* or **): name each parameter")
    context = next((argument.name for argument in arguments if argument.name in _CONTEXT), None)
    rest = [argument for argument in arguments if argument.name != context]
    if not rest:
        raise TypeError("it takes no frame: its first argument is one")
    frame = next((argument for argument in rest if argument.name == "current"), rest[0])
    return frame.name, context, [argument for argument in rest if argument is not frame]


def _model_of(function: Callable[..., Any], arguments: list[inspect.Parameter], *, reads_everything: bool) -> type[Params]:
    # Fields have names of their own: an argument may be called `copy` or `reads`, as methods of the model are.
    fields: dict[str, Any] = {
        f"p_{argument.name}": (
            _hint(function, argument),
            Field(alias=argument.name) if argument.default is argument.empty else Field(alias=argument.name, default=argument.default),
        )
        for argument in arguments
    }
    said = f"The parameters of {function.__name__}."
    model = cast("type[Params]", create_model(function.__name__, __base__=_base(reads_everything), __doc__=said, **fields))
    model.model_rebuild(force=True)
    return model


def _hint(function: Callable[..., Any], argument: inspect.Parameter) -> Any:
    """The annotation of one argument; those of others may name what exists for type checkers only."""
    if argument.annotation is argument.empty:
        return Any
    alone = SimpleNamespace(__annotations__={argument.name: argument.annotation})
    return get_type_hints(alone, inspect.unwrap(function).__globals__, include_extras=True)[argument.name]


def _strict(model: type[BaseModel], *, reads_everything: bool) -> type[Params]:
    """The authors' model as one of parameters: an unknown one is an error, unless the model says otherwise."""
    if not inspect.isclass(model) or not issubclass(model, BaseModel):
        raise TypeError("'params' must be a pydantic model")
    config = {"extra": model.model_config["extra"]} if "extra" in model.model_config else {}
    bases = (model,) if issubclass(model, Params) and not reads_everything else (model, _base(reads_everything))
    told = {"__module__": model.__module__, "__doc__": model.__doc__, "model_config": config, "row_effect": _AuthorsParams.row_effect}
    strict: type[Params] = type(model.__name__, bases, told)
    strict.model_rebuild(force=True)
    return strict


class _AuthorsParams(Params):
    """The parameters of a function that an author wrote: nobody knows what it does to the rows."""

    def row_effect(self) -> RowEffect:
        return "changed"


class _ReadingParams(_AuthorsParams):
    """The parameters of a function that may ask for every input."""

    reads_everything: ClassVar[bool] = True


def _base(reads_everything: bool) -> type[Params]:
    return _ReadingParams if reads_everything else _AuthorsParams


def _positional(signature: inspect.Signature, values: Mapping[str, Any]) -> list[Any]:
    return [values[name] for name, argument in signature.parameters.items() if argument.kind is argument.POSITIONAL_ONLY]


def _named(signature: inspect.Signature, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name, argument in signature.parameters.items() if argument.kind is not argument.POSITIONAL_ONLY}


def failed(who: str, error: BaseException, where: str) -> ConfigError:
    """The error of an author's code: its type and its place, and not its text."""
    return ConfigError(
        f"{who} failed with {type(error).__name__}{where}",
        code="function_failed",
        hint="Correct the function; what the error says is left out, because it may hold values of the data.",
    )


def _framed(result: Any, name: str, given: Frame) -> Frame:
    import narwhals as nw

    frame = nw.from_native(result, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        frame = frame.lazy()
    if not isinstance(frame, nw.LazyFrame) or frame.implementation is not given.implementation:
        kind = type(result)
        raise ConfigError(
            f"function '{name}' gave back {kind.__module__.partition('.')[0]}.{kind.__name__}, not a frame of {given.implementation}",
            code="function_failed",
            hint="Return the frame that the function got, with what it did to it.",
        )
    return frame
