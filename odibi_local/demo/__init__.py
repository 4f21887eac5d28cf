"""The demo: orders land in a blob container on this machine; tables, a catalog and stories come out, and it proves them."""
