"""`odibi story last | list`: what the newest run has to tell, and where its page lies."""

from __future__ import annotations

import argparse

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import add_project_arguments, open_host
from odibi_core.cli.screen import Screen, aligned
from odibi_core.cli.stories import Stories, StoryAt
from odibi_core.errors import ConfigError

SEARCHED = 200  # runs to look through for the newest whose story is still there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="last|list")
    newest = verbs.add_parser("last", help="the newest story: its short text and where its page lies")
    newest.add_argument("--open", action="store_true", help="open the page in a browser")
    newest.set_defaults(run=last)
    every = verbs.add_parser("list", help="the stories, newest first")
    every.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (20)")
    every.set_defaults(run=list_)
    for verb in (newest, every):
        add_project_arguments(verb)
        verb.add_argument("--pipeline", metavar="P", help="of this pipeline only")


def last(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show the newest story.

    Raises:
        ConfigError: If there is none, or it shall be opened and does not lie on this machine.
    """
    app = open_host(given, screen).app
    found = next(iter(Stories.of(app).newest(app, pipeline=given.pipeline, limit=SEARCHED)), None)
    if found is None:
        raise ConfigError("there is no story yet", code="no_story", hint="A story is written at the end of every run: odibi run.")
    story, text = found
    screen.say(f"{text.rstrip()}\n\nstory: {story.page}")
    screen.result({**story.as_dict(), "text": text})
    if given.open:
        _open(story)
    return OK


def list_(given: argparse.Namespace, screen: Screen) -> int:
    """Show the newest stories, one per line."""
    app = open_host(given, screen).app
    found = [story for story, _ in Stories.of(app).newest(app, pipeline=given.pipeline, limit=given.limit)]
    rows = [
        [f"{story.started_at:%Y-%m-%d %H:%M:%S}" if story.started_at else "", story.pipeline, story.status, story.page] for story in found
    ]
    screen.say(aligned(["started", "pipeline", "status", "page"], rows) if rows else "there is no story yet")
    screen.result([story.as_dict() for story in found])
    return OK


def _open(story: StoryAt) -> None:
    import webbrowser
    from pathlib import Path

    if not story.is_local:
        raise ConfigError("the story does not lie on this machine", code="not_local", hint=f"It is at {story.uri}.")
    if not webbrowser.open(Path(story.uri).as_uri()):
        raise ConfigError("no browser could be opened here", code="no_browser", hint=f"The page is {story.page}.")
