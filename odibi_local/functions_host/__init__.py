"""A Functions host for a laptop: it loads the very function_app.py that Azure runs and drives its triggers."""

from odibi_local.functions_host.app_index import IndexingError, index_app
from odibi_local.functions_host.host import FunctionsHost
from odibi_local.functions_host.in_process import InProcessHost
from odibi_local.functions_host.log_line import LogLine, LogSink, printing_sink

__all__ = ["FunctionsHost", "InProcessHost", "IndexingError", "LogLine", "LogSink", "index_app", "printing_sink"]
