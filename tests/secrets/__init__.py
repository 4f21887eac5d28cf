"""Tests of odibi_core.secrets."""
