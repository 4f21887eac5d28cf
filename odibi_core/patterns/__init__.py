"""Patterns: transforms that know what their target holds, and say what it holds from now on. Nothing is written here."""

from __future__ import annotations

from odibi_core.patterns.contract import PATTERNS, Made, PatternContext, PatternParams, Place, pattern

__all__ = ["PATTERNS", "Made", "PatternContext", "PatternParams", "Place", "pattern"]
