"""SQL and Markdown files that nodes name: found beside the YAML that names them, read once, frozen with the plan."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from odibi_core.config.imports import ProjectFiles
from odibi_core.config.marks import Mark, MarkedMapping, mapped
from odibi_core.config.marks import Path as TreePath
from odibi_core.errors import ConfigError

_KEYS = ("sql_file", "explanation_file")


def with_side_files(tree: MarkedMapping, files: ProjectFiles, notices: list[str]) -> tuple[MarkedMapping, dict[str, str]]:
    """
    The tree with each `sql_file` and `explanation_file` relative to the project folder, and the text of those files.

    A file is looked for beside the YAML that names it, then in the project folder. A missing explanation is a notice: no row
    depends on it.
    """
    texts: dict[str, str] = {}

    def change(value: JsonValue, at: Mark, path: TreePath) -> JsonValue:
        if path[:1] != ("pipelines",) or path[-1] not in _KEYS or "params" in path or not isinstance(value, str) or "${" in value:
            return value
        try:
            file = files.confined(value, files.directory / Path(at.file).parent, at)
            if not file.is_file():
                elsewhere = files.confined(value, files.directory, at)
                file = elsewhere if elsewhere.is_file() else file
            if path[-1] == "explanation_file" and not file.is_file():
                notices.append(f"{at.file}:{at.line}: explanation_file '{value}' is missing; the story will do without")
                return value
            shown = files.shown(file)
            texts[shown] = files.read(file, at).decode("utf-8-sig")
        except UnicodeDecodeError:
            files.report(f"file '{value}' is not valid UTF-8", at)
            return value
        except ConfigError as error:
            files.problems.extend(error.problems)
            return value
        return shown

    result = mapped(tree, change, tree.mark)
    assert isinstance(result, MarkedMapping)
    return result, texts
