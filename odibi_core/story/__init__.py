"""The Data Story: one run as a page for people, a JSON twin for programs and a short note for a chat."""

from __future__ import annotations

from odibi_core.story.archive import StoryArchive, story_path
from odibi_core.story.build import build
from odibi_core.story.markdown import summary
from odibi_core.story.model import SCHEMA_ID, Story
from odibi_core.story.privacy import redacted
from odibi_core.story.render import render

__all__ = ["SCHEMA_ID", "Story", "StoryArchive", "build", "redacted", "render", "story_path", "summary"]
