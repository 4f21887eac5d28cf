"""`recipes:`: partial nodes with placeholders, laid under the nodes that name them."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue

from odibi_core.config.marks import Mark, MarkedList, MarkedMapping, Path, mapped, marked
from odibi_core.config.merging import merged
from odibi_core.config.placeholders import Keep, Placeholder, substituted
from odibi_core.config.places import suggestion
from odibi_core.errors import ConfigError

Report = Callable[[str, Mark, str], None]  # message, mark, hint
_RECIPE_KEYS = ("description", "extends", "required_vars", "optional_vars", "template")
_NOT_IN_TEMPLATES = ("name", "recipe", "recipe_vars")


def with_recipes(tree: MarkedMapping, report: Report) -> MarkedMapping:
    """The tree without `recipes:`, in which every node that names a recipe is complete."""
    declared = tree.get("recipes")
    recipes = declared if isinstance(declared, MarkedMapping) else None
    if declared is not None and recipes is None:
        report("expected names of recipes and their settings", tree.values_at["recipes"], "")
    for name in recipes or ():
        _check_recipe(recipes or MarkedMapping(tree.mark), name, report)
    result = tree.copied(leaving_out=("recipes",))
    pipelines = tree.get("pipelines")
    if isinstance(pipelines, MarkedList):
        expanded = MarkedList(pipelines.mark)
        for pipeline, at in zip(pipelines, pipelines.items_at, strict=True):
            expanded.add(_expanded_pipeline(pipeline, recipes, report), at)
        result.put("pipelines", expanded, key_at=tree.keys_at["pipelines"], value_at=tree.values_at["pipelines"])
    return result


def _expanded_pipeline(pipeline: JsonValue, recipes: MarkedMapping | None, report: Report) -> JsonValue:
    nodes = pipeline.get("nodes") if isinstance(pipeline, MarkedMapping) else None
    if not isinstance(pipeline, MarkedMapping) or not isinstance(nodes, MarkedList):
        return pipeline
    expanded = MarkedList(nodes.mark)
    for node, at in zip(nodes, nodes.items_at, strict=True):
        if isinstance(node, MarkedMapping) and node.get("recipe") is not None:
            expanded.add(_expanded_node(node, recipes, report), at)
        else:
            expanded.add(node, at)
    result = pipeline.copied()
    result.put("nodes", expanded, key_at=pipeline.keys_at["nodes"], value_at=pipeline.values_at["nodes"])
    return result


def _expanded_node(node: MarkedMapping, recipes: MarkedMapping | None, report: Report) -> JsonValue:
    name, at = node["recipe"], node.values_at["recipe"]
    if not isinstance(name, str) or name not in (recipes or {}):
        shown = name if isinstance(name, str) else "(not a name)"
        report(f"unknown recipe '{shown}'", at, suggestion(str(name), recipes or {}))
        return node
    assert recipes is not None
    recipe = _inherited(name, recipes, report, at)
    if recipe is None:
        return node
    template, required, optional = recipe
    given = node.get("recipe_vars")
    values: dict[str, JsonValue] = dict(optional)
    if isinstance(given, MarkedMapping):
        for key in given:
            if key not in required and key not in optional:
                report(f"recipe '{name}' has no variable '{key}'", given.keys_at[key], suggestion(key, {*required, *optional}))
        values |= given
    elif given is not None:
        report("expected variables and their values", node.values_at["recipe_vars"], "")
    missing = [variable for variable in required if variable not in values]
    if missing:
        report(f"recipe '{name}' needs a value for {', '.join(repr(variable) for variable in missing)}", at, "Set it in 'recipe_vars'.")
        return node
    filled = _filled(template, values, report)
    own = node.copied(leaving_out=("recipe", "recipe_vars"))
    return merged(filled, own, "recipe") if isinstance(filled, MarkedMapping) else own


def _filled(template: MarkedMapping, values: dict[str, JsonValue], report: Report) -> JsonValue:
    def lookup(found: Placeholder) -> JsonValue | Keep:
        if found.kind != "recipe":
            return Keep.KEEP
        if found.name not in values:
            raise ConfigError(f"the recipe has no variable '{found.name}'", hint=suggestion(found.name, values))
        return values[found.name]

    def change(value: JsonValue, at: Mark, _: Path) -> JsonValue:
        if not isinstance(value, str):
            return value
        try:
            return marked(substituted(value, lookup), at)
        except ConfigError as error:
            report(error.message, at, error.hint)
            return value

    return mapped(template, change, template.mark)


def _inherited(
    name: str, recipes: MarkedMapping, report: Report, at: Mark, below: tuple[str, ...] = ()
) -> tuple[MarkedMapping, tuple[str, ...], dict[str, JsonValue]] | None:
    """Template, required and optional variables of a recipe, with those that it extends laid under it."""
    recipe = recipes.get(name)
    if name in below:
        report(f"recipes extend each other: {' → '.join((*below[below.index(name) :], name))}", at, "")
        return None
    if not isinstance(recipe, MarkedMapping):
        return None
    own = recipe.get("template")
    template = own if isinstance(own, MarkedMapping) else MarkedMapping(recipe.mark)
    names = recipe.get("required_vars")
    required = tuple(item for item in names if isinstance(item, str)) if isinstance(names, list) else ()
    defaults = recipe.get("optional_vars")
    optional: dict[str, JsonValue] = dict(defaults) if isinstance(defaults, dict) else {}
    parent = recipe.get("extends")
    if not isinstance(parent, str):
        return template, required, optional
    if parent not in recipes:
        report(f"unknown recipe '{parent}'", recipe.values_at["extends"], suggestion(parent, recipes))
        return None
    inherited = _inherited(parent, recipes, report, recipe.values_at["extends"], (*below, name))
    if inherited is None:
        return None
    below_template, below_required, below_optional = inherited
    laid = merged(below_template, template, "recipe")
    assert isinstance(laid, MarkedMapping)
    still_required = tuple(dict.fromkeys([*(key for key in below_required if key not in optional), *required]))
    return laid, still_required, below_optional | optional


def _check_recipe(recipes: MarkedMapping, name: str, report: Report) -> None:
    recipe = recipes[name]
    if not isinstance(recipe, MarkedMapping):
        report("expected the settings of a recipe", recipes.values_at[name], "")
        return
    for key in recipe:
        if key not in _RECIPE_KEYS:
            report(f"unknown key '{key}'", recipe.keys_at[key], suggestion(key, _RECIPE_KEYS, what="Known keys"))
    template = recipe.get("template")
    if not isinstance(template, MarkedMapping):
        report("a recipe needs a 'template' of keys and values", recipe.mark, "")
        return
    for key in _NOT_IN_TEMPLATES:
        if key in template:
            report(f"a template cannot hold '{key}'", template.keys_at[key], "It belongs to the node that uses the recipe.")
