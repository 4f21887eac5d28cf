"""Where the stories of a project lie: the archive as this machine sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from odibi_core.cli.project_file import shown
from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from odibi_core.bootstrap import App
    from odibi_core.ports import Connections, ObjectStore

_DEFAULT = "stories"  # the connection's name where the project names none


class StoryAt(Frozen):
    """One run's story."""

    run_id: str
    pipeline: str
    status: str
    started_at: datetime | None
    folder: str  # inside the store
    uri: str  # of the page; a path if it lies on this machine
    is_local: bool

    @property
    def page(self) -> str:
        """The page as people are told of it."""
        return shown(self.uri) if self.is_local else self.uri

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {"run_id": self.run_id, "pipeline": self.pipeline, "status": self.status, "started_at": self.started_at, "page": self.page}


class Stories(Frozen):
    """The archive."""

    store: ObjectStore
    connections: Connections
    connection: str
    prefix: str

    @classmethod
    def of(cls, app: App) -> Stories:
        """
        The archive of a project: as its `story:` says, or beside its YAML.

        Raises:
            ConfigError: If its connection cannot be used.
        """
        from odibi_core.bootstrap import DEFAULT_STORIES
        from odibi_core.config import Scope, resolve
        from odibi_core.secrets.environment import EnvironmentSecrets
        from odibi_core.storage.connections import ResolvedConnections

        project = app.loaded()
        written = project.tree.get("story")
        if not isinstance(written, dict):
            beside = ResolvedConnections(
                connections={_DEFAULT: {"type": "local", "base_path": DEFAULT_STORIES}},
                directory=project.directory,
                secret=EnvironmentSecrets(app.environment),
            )
            return cls(store=beside.store(_DEFAULT, ""), connections=beside, connection=_DEFAULT, prefix="")
        story = resolve(written, Scope(environment=app.environment))
        assert isinstance(story, dict)
        name = str(story["connection"])
        return cls(store=app.connections.store(name, ""), connections=app.connections, connection=name, prefix=str(story["path"]))

    def at(self, *, run_id: str, pipeline: str, logical_time: datetime, status: str = "", started_at: datetime | None = None) -> StoryAt:
        """Where a run's story lies, or will lie."""
        from odibi_core.story import story_path

        folder = story_path(run_id, pipeline, logical_time, self.prefix)
        uri = self.connections.locate(self.connection, f"{folder}/index.html").uri
        return StoryAt(
            run_id=run_id, pipeline=pipeline, status=status, started_at=started_at, folder=folder, uri=uri, is_local="://" not in uri
        )

    def text(self, story: StoryAt) -> str | None:
        """The short text, or None if the story is not written (any more)."""
        stored = self.store.get(f"{story.folder}/run.md")
        return None if stored is None else stored.data.decode()

    def newest(self, app: App, *, pipeline: str | None, limit: int) -> Iterator[tuple[StoryAt, str]]:
        """Stories that are there, newest run first, each with its short text. The System Catalog knows the runs."""
        for row in app.catalog.runs(limit=limit, pipeline=pipeline).to_dicts():
            if row["project"] == app.loaded().config.project:
                story = self.at(
                    run_id=row["run_id"],
                    pipeline=row["pipeline"],
                    logical_time=row["logical_time"],
                    status=row["status"],
                    started_at=row["started_at"],
                )
                text = self.text(story)
                if text is not None:
                    yield story, text
