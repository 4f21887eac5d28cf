"""What one thread holds for the frames it scanned: tables, a temporary folder, and which CSV files to look into if rows cannot be read."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from odibi_core.engines.polars.csv_reader import ScannedCsv
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.open_tables import Borrowed, OpenTables
from odibi_core.engines.polars.pinned_files import LocalFile

if TYPE_CHECKING:
    from odibi_core.engines.polars.rescue import RescuedScan


class HeldFiles:
    """Temporary files that are gone when they are released, or when nobody refers to this any more."""

    def __init__(self, parent: Path | None, tables: OpenTables) -> None:
        self.tables = Borrowed(tables)
        self.scans: list[ScannedCsv] = []
        self.announced: list[LocalFile] = []  # local files that must still be the announced versions when they were read
        self.fetched: dict[tuple[object, ...], tuple[pl.LazyFrame, int]] = {}  # what a database gave, and how many rows
        self.rescued: dict[tuple[object, ...], RescuedScan] = {}  # texts that were parsed once already
        self._parent = parent
        self._folder: Path | None = None

    def new_folder(self) -> Path:
        """An empty folder."""
        with translated("making a temporary folder"):
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="odibi-", dir=self._parent))
                weakref.finalize(self, _remove, self._folder)
            return Path(tempfile.mkdtemp(dir=self._folder))

    def release(self) -> None:
        """Remove every file and give the tables back."""
        self.tables.give_back()
        self.scans.clear()
        self.announced.clear()
        self.fetched.clear()
        self.rescued.clear()
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
