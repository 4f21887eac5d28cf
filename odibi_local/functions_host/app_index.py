"""Load an app's function_app.py and index its functions with the checks of the Azure worker and host."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import azure.functions as func
from azure.functions import meta

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

RETURN = "$return"
TRIGGERS_RUN_HERE = frozenset({"serviceBusTrigger", "timerTrigger", "blobTrigger", "httpTrigger"})
OUTPUTS_SENT_HERE = frozenset({"http", "serviceBus", "blob"})

_MODULE = "function_app"
# Source: Azure/azure-functions-host:src/WebJobs.Script/Utility.cs (FunctionNameValidationRegex, BindingNameValidationRegex).
_FUNCTION_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,127}$", re.IGNORECASE)
_BINDING_NAME = re.compile(r"^([a-zA-Z][a-zA-Z0-9]{0,127}|\$return)$")


class IndexingError(Exception):
    """The app cannot be indexed: on Azure none of its functions would be found."""


@dataclass(frozen=True, kw_only=True)
class BindingInfo:
    """One trigger, input or output, with the arguments the host is given (camelCase names)."""

    type: str
    name: str
    output: bool
    properties: Mapping[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """Return a property as text, or the default when it is not given."""
        value = self.properties.get(name)
        return default if value is None else str(value)


@dataclass(frozen=True, kw_only=True)
class IndexedFunction:
    """One function of the app, ready to be invoked."""

    name: str
    call: Callable[..., Any]
    is_async: bool
    trigger: BindingInfo
    outputs: tuple[BindingInfo, ...]
    takes_context: bool
    retry: Mapping[str, str] | None  # as the decorator was given it; the host applies it to timers only


@dataclass(frozen=True, kw_only=True)
class IndexedApp:
    """All functions of an app, and what works on Azure but not here."""

    functions: Mapping[str, IndexedFunction]
    warnings: tuple[str, ...]


def index_app(app_folder: Path) -> IndexedApp:
    """
    Import function_app.py from the folder, once per process, and index what it registers.

    Raises:
        IndexingError: If the import fails or a check does; the message names the function.
    """
    module = _import_app(app_folder)
    registers = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if not registers:
        raise IndexingError("function_app.py has no FunctionApp at module level")
    if len(registers) > 1:
        raise IndexingError("function_app.py has more than one FunctionApp at module level")
    try:
        built = registers[0].get_functions()
    except ValueError as error:
        raise IndexingError(str(error)) from error
    functions: dict[str, IndexedFunction] = {}
    warnings = [] if built else ["the app registers no functions"]
    for one in built:
        indexed = _indexed(one)
        functions[indexed.name] = indexed
        warnings += _what_is_different_here(indexed)
    return IndexedApp(functions=functions, warnings=tuple(warnings))


def _import_app(app_folder: Path) -> ModuleType:
    folder = str(app_folder.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(_MODULE)
    except BaseException as error:  # whatever the app raises at import (SystemExit, too) is the reason we report
        raise IndexingError(f"function_app.py cannot be imported: {type(error).__name__}: {error}") from error
    if module.__file__ is None or not module.__file__.startswith(folder):
        raise IndexingError(f"function_app was imported from another folder: {module.__file__}")
    return module


def _indexed(function: func.Function) -> IndexedFunction:
    name = str(function.get_function_name())
    if not _FUNCTION_NAME.match(name) or name.lower() == "host":
        raise IndexingError(f"function '{name}': the host accepts letters, digits, '_' and '-' in a name, a letter first")
    bindings = [_binding(name, raw) for raw in function.get_raw_bindings()]
    call = function.get_user_function()
    trigger = function.get_trigger()
    assert trigger is not None  # get_functions() refuses a function without one
    parameters = dict(inspect.signature(call).parameters)
    takes_context = "context" in parameters and not any(binding.name == "context" for binding in bindings)
    if takes_context:
        del parameters["context"]
    _check_parameters(name, parameters, bindings)
    _check_annotations(name, call, bindings)
    return IndexedFunction(
        name=name,
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        trigger=next(binding for binding in bindings if binding.name == trigger.name),
        outputs=tuple(binding for binding in bindings if binding.output),
        takes_context=takes_context,
        retry=function.get_settings_dict("retry_policy"),
    )


def _binding(function: str, raw: str) -> BindingInfo:
    properties = json.loads(raw)
    name = str(properties["name"])
    if not _BINDING_NAME.match(name.replace("_", "")) or "__" in name:
        raise IndexingError(f"function '{function}': the host refuses the binding name '{name}'")
    output = str(properties["direction"]).upper() in {"OUT", "1"}
    if name == RETURN and not output:
        raise IndexingError(f"function '{function}': '{RETURN}' can only be an output")
    return BindingInfo(type=str(properties["type"]), name=name, output=output, properties=properties)


def _check_parameters(function: str, parameters: dict[str, inspect.Parameter], bindings: list[BindingInfo]) -> None:
    bound = {binding.name for binding in bindings} - {RETURN}
    missing = sorted(bound - set(parameters))
    if missing:
        raise IndexingError(f"function '{function}': the decorators name arguments that the function does not have: {', '.join(missing)}")
    extra = sorted(set(parameters) - bound)
    if extra:
        raise IndexingError(f"function '{function}': arguments without a binding: {', '.join(extra)}")


def _check_annotations(function: str, call: Callable[..., Any], bindings: list[BindingInfo]) -> None:
    try:
        hints = typing.get_type_hints(call)
    except (NameError, TypeError, AttributeError):
        hints = {}  # the worker checks only the types it can see
    registry = meta.get_binding_registry()  # type: ignore[no-untyped-call]  # the library has no hint there
    for binding in bindings:
        annotation = hints.get(binding.name)
        converter = registry.get(binding.type)
        if annotation is None or converter is None or binding.name == RETURN:
            continue
        is_out = typing.get_origin(annotation) is func.Out or annotation is func.Out
        if is_out != binding.output:
            kind = "an output" if binding.output else "an input"
            raise IndexingError(f"function '{function}': '{binding.name}' is {kind}, its type says otherwise")
        if not _type_fits(converter, annotation, is_out=is_out):
            raise IndexingError(f"function '{function}': type {annotation!r} of '{binding.name}' does not fit '{binding.type}'")


def _type_fits(converter: Any, annotation: Any, *, is_out: bool) -> bool:
    try:
        if is_out:
            inner = typing.get_args(annotation)
            return not inner or bool(converter.check_output_type_annotation(inner[0]))
        return bool(converter.check_input_type_annotation(annotation))
    except TypeError:
        return False  # issubclass() on something that is no class: the worker fails to index the app here


def _what_is_different_here(function: IndexedFunction) -> list[str]:
    trigger, found = function.trigger, []
    if trigger.type not in TRIGGERS_RUN_HERE:
        found.append(f"function '{function.name}': trigger '{trigger.type}' does not fire here")
    if trigger.type == "serviceBusTrigger" and (trigger.properties.get("isSessionsEnabled") or not trigger.text("queueName")):
        found.append(f"function '{function.name}': sessions and topics do not fire here")
    found += [
        f"function '{function.name}': output '{binding.type}' is not sent here"
        for binding in function.outputs
        if binding.type not in OUTPUTS_SENT_HERE
    ]
    found += [
        f"function '{function.name}': hosts before 4.1038 refuse '_' in the binding name '{binding.name}'"
        for binding in (trigger, *function.outputs)
        if "_" in binding.name
    ]
    return found
