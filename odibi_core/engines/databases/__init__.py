"""Databases: how to get in, and the SQL that they are asked. Rows become frames in the engines."""
