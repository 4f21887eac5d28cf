"""
Ask whether a vulnerability is known of what is pinned. `python -m tests.tools.audit FOLDER`

pip-audit is installed into a virtual environment of its own, from requirements-audit.txt with its hashes, and looks at both other
requirements files as they are: it resolves nothing. The only target that always needs the network, so nothing else runs it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.tools.registry import uv_environment

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "requirements-audit.txt"
AUDITED = ("requirements.txt", "requirements-dev.txt", "requirements-audit.txt")
# A registry that has no answer for a package has none for its vulnerabilities: that is not "none are known".
_AWAY = ("could not be audited", "ConnectionError", "Max retries", "NameResolutionError", "timed out", "Connection refused", "ServiceError")


def auditor(folder: Path) -> list[str]:
    """
    The command, installed.

    Raises:
        subprocess.CalledProcessError: If the packages cannot be had, or have other hashes.
    """
    environment = uv_environment(Path(sys.executable))
    uv = [sys.executable, "-m", "uv", "--quiet"]
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True, env=environment)
    subprocess.run([*uv, "pip", "install", "--python", str(python), "--require-hashes", "-r", str(TOOL)], check=True, env=environment)
    return [str(python), "-m", "pip_audit", "--progress-spinner", "off"]


def audited(command: list[str], file: Path) -> tuple[int, str]:
    """0 and nothing known, 1 and what is known, or 2 and why nobody knows."""
    done = subprocess.run(
        [*command, "--strict", "--require-hashes", "--disable-pip", "-r", str(file)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    said = f"{done.stdout}\n{done.stderr}".strip()
    return (2 if done.returncode and any(sign in said for sign in _AWAY) else min(done.returncode, 1)), said


def main(arguments: list[str]) -> int:
    """The worst of the answers."""
    if len(arguments) != 1:
        print(__doc__)
        return 64
    try:
        command = auditor(Path(arguments[0]))
    except (subprocess.CalledProcessError, OSError):
        print("pip-audit cannot be installed without a package registry", file=sys.stderr)
        return 2
    worst = 0
    for name in AUDITED:
        status, said = audited(command, ROOT / name)
        print(f"{name}: {said}" + ("\nthe registry does not know: nothing is said about these packages" if status == 2 else ""), flush=True)
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
