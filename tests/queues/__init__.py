"""Tests of odibi_core.queues."""
