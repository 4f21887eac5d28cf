"""Data pipelines that run themselves on Azure: event-driven, exactly once, private."""

__version__ = "0.1.0"
