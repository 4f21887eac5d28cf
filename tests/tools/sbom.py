"""
Write the bill of materials: what is deployed, as CycloneDX 1.6 JSON. `python -m tests.tools.sbom FILE`

It is made of requirements.txt, which is what Azure installs: names, versions, hashes, and who needs whom. The same requirements give the
same bytes. Needs no network. Source: cyclonedx.org/docs/1.6/json.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from odibi_core import __version__

ROOT = Path(__file__).resolve().parents[2]
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\\n]+?))?\s*\\?\n(?P<rest>(?:[ \t]+.*\n?)*)")
_OURS = "odibi-core"


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One package in a compiled requirements file."""

    name: str
    version: str
    marker: str  # where it is installed; empty: everywhere
    hashes: tuple[str, ...]  # of its files, any of which may be installed
    needed_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its name among all packages of all kinds: github.com/package-url/purl-spec."""
        return f"pkg:pypi/{self.name}@{self.version}"


def pins_in(requirements: str) -> tuple[Pin, ...]:
    """The packages of a file, in its order."""
    return tuple(
        Pin(
            name=canonicalize_name(found["name"]),
            version=found["version"],
            marker=(found["marker"] or "").strip(),
            hashes=tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", found["rest"])),
            needed_by=tuple(canonicalize_name(name) for name in _needed_by(found["rest"])),
        )
        for found in _PIN.finditer(requirements)
    )


def _needed_by(rest: str) -> list[str]:
    """`# via a`, or `# via` and a name on each line after it."""
    comments = [line.strip().removeprefix("#").strip() for line in rest.splitlines() if line.strip().startswith("#")]
    names = [comment.removeprefix("via").strip() for comment in comments]
    return [name.partition(" ")[0] for name in names if name]


def bill(pins: Sequence[Pin], licenses: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The bill of materials of our package with these pins."""
    root = f"pkg:pypi/{_OURS}@{__version__}"
    needs: dict[str, set[str]] = {root: set(), **{pin.purl: set() for pin in pins}}
    for pin in pins:
        for name in pin.needed_by:
            for owner in [root] if name == _OURS else [other.purl for other in pins if other.name == name]:
                needs[owner].add(pin.purl)
    content: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": _OURS,
                "version": __version__,
                "purl": root,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [_component(pin, licenses.get((pin.name, pin.version))) for pin in pins],
        "dependencies": [{"ref": ref, "dependsOn": sorted(found)} for ref, found in sorted(needs.items())],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {**content, "serialNumber": f"urn:uuid:{serial}"}


def _component(pin: Pin, license_name: str | None) -> dict[str, Any]:
    files = [{"type": "distribution", "url": pin.purl, "hashes": [{"alg": "SHA-256", "content": digest}]} for digest in pin.hashes]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        "scope": "optional" if pin.marker else "required",
        "externalReferences": files,
    }
    if license_name:
        component["licenses"] = [{"license": {"name": license_name}}]
    if pin.marker:
        component["properties"] = [{"name": "odibi:marker", "value": pin.marker}]
    return component


def installed_licenses(pins: Sequence[Pin]) -> dict[tuple[str, str], str]:
    """What the installed packages say of their licence, where the installed version is the pinned one."""
    found: dict[tuple[str, str], str] = {}
    for pin in pins:
        try:
            about = metadata.metadata(pin.name)
        except metadata.PackageNotFoundError:  # it is for another platform
            continue
        classes = [text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or () if text.startswith("License ::")]
        stated = about.get("License-Expression") or next(iter(classes), None) or (about.get("License") or "").partition("\n")[0]
        if about["Version"] == pin.version and stated:
            found[pin.name, pin.version] = stated[:200]
    return found


def main(arguments: list[str]) -> int:
    """Write the file that is named."""
    if len(arguments) != 1:
        print(__doc__)
        return 64
    pins = pins_in((ROOT / "requirements.txt").read_text("utf-8"))
    file = Path(arguments[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill(pins, installed_licenses(pins)), indent=2) + "\n", "utf-8")
    print(f"{len(pins)} packages: {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
