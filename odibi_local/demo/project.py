"""The project that `odibi dev` runs: where everything of it is on this machine, and what its YAML says now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_core.config import load_project, problem_text
from odibi_core.errors import ConfigError
from odibi_core.hosts.index import index_of
from odibi_local.demo.following import open_app
from odibi_local.demo.output import coloured, say, shown

if TYPE_CHECKING:
    from odibi_core.bootstrap import App
    from odibi_core.config import LoadedProject

OWN_APP = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where everything is on this machine."""

    app: Path  # the folder with function_app.py
    project: Path  # the YAML
    state: Path
    drop: Path
    stories: Path

    @classmethod
    def of(cls, project: Path | None, folder: Path | None, environment: Mapping[str, str]) -> Place:
        """
        What was asked for, completed by what lies here.

        Raises:
            ConfigError: If there is no project, or nothing to run it with.
        """
        here = Path.cwd()
        named = project or (Path(environment["ODIBI_PROJECT"]) if environment.get("ODIBI_PROJECT") else None)
        around = here if named is None else named.resolve().parent
        app = next((above for above in (around, *around.parents, OWN_APP) if (above / "function_app.py").is_file()), None)
        if app is None:
            raise ConfigError("there is no function_app.py here", hint="Run this in the folder of a Functions app, or in a checkout.")
        usual = (here / "odibi.yaml", here / "pipelines" / "odibi.yaml", app / "pipelines" / "odibi.yaml")
        file = next((path for path in ([named] if named else usual) if path.is_file()), None)
        if file is None:
            raise ConfigError(f"there is no file '{named or 'odibi.yaml'}'", hint="Name the project's YAML with --project.")
        local = here / ".local"
        return cls(
            app=app,
            project=file.resolve(),
            state=(folder or local / "cloud").resolve(),
            drop=local / "landing",
            stories=local / "stories",
        )


class Project:
    """The project as it is now: loaded again after each change."""

    def __init__(self, place: Place, storage: str) -> None:
        self._place = place
        self._variables = {"ODIBI_STORAGE": storage, "AzureWebJobsStorage": storage}
        self.environment = os.environ.get("ODIBI_ENV") or "local"

    def load(self) -> LoadedProject:
        """
        Read the YAML with the overrides of the environment; without them where the project has none for a laptop.

        Raises:
            ConfigError: If it is broken.
        """
        variables = {**os.environ, **self._variables}
        try:
            return load_project(self._place.project, environment=self.environment or None, variables=variables)
        except ConfigError as error:
            if error.error_code != "unknown_environment" or os.environ.get("ODIBI_ENV"):
                raise
            self.environment = ""
            return load_project(self._place.project, variables=variables)

    def app(self, settings: Mapping[str, str]) -> App:
        """The product, for looking into the journal and the stories."""
        return open_app(self._place.project, self.environment or None, settings)

    def watched(self) -> tuple[str, ...]:
        """The containers whose blobs start runs."""
        return index_of(self._place.project, self.environment or None, os.environ).containers

    def tell(self, error: ConfigError) -> None:
        """Say what is wrong and where, in file names as they are seen from here."""
        say(coloured("✗ the project is broken: new runs are refused until it is mended", "red"))
        folder = shown(self._place.project.parent)
        for problem in error.problems:
            where = f"in {folder}/" if problem.place else ""
            say(f"{where}{problem_text(problem)}")
