"""Read texts whose rows do not all parse. Nothing is lost: what does not fit goes where the read says, and is counted."""

from odibi_core.engines.polars.rescue.csv_texts import scan_rescued_csv
from odibi_core.engines.polars.rescue.json_texts import scan_rescued_json
from odibi_core.engines.polars.rescue.set_aside import RescuedScan

__all__ = ["RescuedScan", "scan_rescued_csv", "scan_rescued_json"]
