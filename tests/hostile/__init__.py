"""Hostile input: each threat of SECURITY.md with the answer that it gets. T1 to T33 are the numbers of its table."""
