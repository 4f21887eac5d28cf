"""Where objects and files are: the stores, the connections of a plan, and the paths that stay inside them."""

from odibi_core.storage.connections import ResolvedConnections, store_at
from odibi_core.storage.local import LocalStore
from odibi_core.storage.memory import MemoryStore
from odibi_core.storage.paths import safe_join

__all__ = ["LocalStore", "MemoryStore", "ResolvedConnections", "safe_join", "store_at"]
