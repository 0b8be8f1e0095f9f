"""What the tests have in common: programs to run in the place of the real one, and the real one."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Write a shell script that is run in the place of the program."""

    def write(script: str) -> str:
        path = tmp_path / f"program-{len(list(tmp_path.iterdir()))}"
        version = 'if [ "$1" = --version ]; then echo "rdp-triage 9.9.9"; exit 0; fi'
        path.write_text(f"#!/bin/sh\n{version}\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return write


@pytest.fixture(scope="session")
def binary() -> str:
    """Give the real program: the one that is named, that was built here, or that is in PATH."""
    built = [PROJECT / "target" / profile / "rdp-triage" for profile in ("release", "debug")]
    named = os.environ.get("RDP_TRIAGE_BINARY")
    found = named or next((str(path) for path in built if path.exists()), None)
    found = found or shutil.which("rdp-triage")
    if found is None:
        pytest.skip("rdp-triage is not built: cargo build, or set RDP_TRIAGE_BINARY")
    return found


@pytest.fixture(scope="session")
def samples() -> Path:
    """Give the folder of the sample tickets."""
    folder = PROJECT / "samples"
    if not folder.is_dir():
        pytest.skip("the project's samples are not here")
    return folder
