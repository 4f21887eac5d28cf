"""Engines: where frames are computed. Each one is imported where it is used, so that importing this folder costs nothing."""
