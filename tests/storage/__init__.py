"""Tests of odibi_core.storage."""
