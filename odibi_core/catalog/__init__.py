"""The System Catalog: what ran, what moved and what is where, as Delta tables that can be rebuilt from events."""

from odibi_core.catalog.opening import FIRST_LOG_ENTRY, PutLogEntry, link_log_entry
from odibi_core.catalog.reader import CatalogReader
from odibi_core.catalog.schema import TABLES, TableName
from odibi_core.catalog.writer import CatalogWriter

__all__ = ["FIRST_LOG_ENTRY", "TABLES", "CatalogReader", "CatalogWriter", "PutLogEntry", "TableName", "link_log_entry"]
