"""`pattern:` of a node: another spelling of `transformer:` and `params:`."""

from pydantic import JsonValue

from odibi_core.config.section import Section, Text


class PatternConfig(Section):
    """A warehouse pattern by name. Its parameters are checked by the pattern."""

    type: Text
    params: dict[str, JsonValue] = {}
