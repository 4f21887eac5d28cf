"""The answers of an API as files of the run, each put if absent: the first attempt to land one wins."""

from __future__ import annotations

import json
from dataclasses import dataclass

from odibi_core.engines.polars.delta_table import put_if_absent
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.places import blob_at, is_remote, local_path
from odibi_core.engines.web.asking import Reply
from odibi_core.ports import Location


@dataclass(frozen=True)
class LandedAnswers:
    """A folder in the system connection. `000001.json` is an answer as it came; what its header linked to is beside it."""

    folder: Location

    def get(self, page: int) -> Reply | None:
        """The answer that was landed, or None."""
        data = self._read(f"{page:06d}.json")
        if data is None:
            return None
        about = self._read(f"{page:06d}.about.json")
        return Reply(data=data, link="" if about is None else str(json.loads(about)["link"]))

    def put(self, page: int, reply: Reply) -> Reply:
        """Land an answer; the one that holds comes back."""
        self._write(f"{page:06d}.about.json", json.dumps({"link": reply.link}).encode())
        if self._write(f"{page:06d}.json", reply.data):
            return reply
        return self.get(page) or reply

    def _read(self, name: str) -> bytes | None:
        with translated(f"reading a landed answer of '{self.folder.name}'"):
            if not is_remote(self.folder):
                path = local_path(self.folder) / name
                return path.read_bytes() if path.exists() else None
            from azure.core.exceptions import ResourceNotFoundError

            try:
                return bytes(blob_at(self.folder, name).download_blob().readall())
            except ResourceNotFoundError:
                return None

    def _write(self, name: str, data: bytes) -> bool:
        with translated(f"landing an answer in '{self.folder.name}'"):
            if not is_remote(self.folder):
                return put_if_absent(local_path(self.folder) / name, data)
            from azure.core.exceptions import ResourceExistsError

            try:
                blob_at(self.folder, name).upload_blob(data, overwrite=False)
            except ResourceExistsError:
                return False
            return True
