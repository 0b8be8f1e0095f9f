"""Results: where they are kept, under which names, and whole ones only."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from . import __version__
from .tickets import UnreadableError

# Any other namespace would name the results of the same tickets differently.
_NAMESPACE = uuid.UUID("6c1c8a0e-55f5-4d0f-9a3c-6a0f0d1f6b58")

# As `rdp-triage batch` names and later clears away what is not finished.
_UNFINISHED = (".rdp-triage-", ".partial")

# After so long nobody writes any more what is not finished.
_DEAD_SECONDS = 3600.0


def file_name(key: str, ending: str, workflow: str | None = None) -> str:
    """Name a file of a ticket's results: the same each time that it is done.

    OpenRelik wants a UUID for each file, and another one in each workflow.
    """
    return uuid.uuid5(_NAMESPACE, f"{workflow or ''}:{key}:{ending}").hex + ending


class Store:
    """A folder, or the like in an object store. A name leads to a whole file or to none."""

    def __init__(self, place: str) -> None:
        """Open a place, a path or a URL; a folder is made if need be.

        Raises ``UnreadableError`` where nothing is known of such URLs.
        """
        self._fs: fsspec.AbstractFileSystem
        self._root: str
        try:
            # A path is one, whatever signs are in it.
            self._fs, self._root = url_to_fs(place) if "://" in place else _folder(place)
        except (ImportError, ValueError) as error:
            raise UnreadableError(f"{place}: cannot be used: {error}") from error
        #: Whether it is a folder of this machine.
        self.is_local = isinstance(self._fs, LocalFileSystem)
        if self.is_local:
            Path(self._root).mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> str:
        """Say where a file is."""
        return f"{str(self._root).rstrip('/')}/{name}"

    def has(self, name: str) -> bool:
        """Say whether a file is there, and so whole."""
        if self.is_local:
            return Path(self.path(name)).exists()
        # What was seen before may be another worker's since.
        self._fs.invalidate_cache()
        return bool(self._fs.exists(self.path(name)))

    def read(self, name: str) -> bytes | None:
        """Read a file, if it is there."""
        try:
            content = self._fs.cat_file(self.path(name))
        except FileNotFoundError:
            return None
        return bytes(content)

    def clear_unfinished(self) -> None:
        """Take away what writers left that died; those that are at it have just begun."""
        if not self.is_local:
            return
        for left in Path(self._root).glob("*".join(_UNFINISHED)):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _DEAD_SECONDS:
                    left.unlink()

    def write(self, name: str, source: Path) -> None:
        """Put a file there, in the place of one of that name."""
        if not self.is_local:
            # Object stores show an object only when all of it has arrived.
            self._fs.put_file(str(source), self.path(name))
            return
        unfinished = self.path(f"{uuid.uuid4().hex}".join(_UNFINISHED))
        try:
            self._fs.put_file(str(source), unfinished)
            Path(unfinished).replace(self.path(name))
        except BaseException:
            with contextlib.suppress(OSError):
                Path(unfinished).unlink()
            raise

    def put(self, name: str, content: bytes) -> None:
        """Put bytes there, in the place of a file of that name."""
        with tempfile.NamedTemporaryFile(prefix="rdp-triage-") as file:
            file.write(content)
            file.flush()
            self.write(name, Path(file.name))

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self.path(name))


def _folder(path: str) -> tuple[fsspec.AbstractFileSystem, str]:
    return LocalFileSystem(), str(Path(path).absolute())


def finished(report: bytes | None) -> dict[str, Any] | None:
    """Read a report, if it is one of a case that was analysed to its end."""
    parsed = parse(report)
    return parsed if parsed is not None and "unfinished" not in parsed["case"] else None


def parse(report: bytes | None) -> dict[str, Any] | None:
    """Read a report, if it is a whole one."""
    if report is None:
        return None
    try:
        parsed = json.loads(report)
    except ValueError:
        return None
    is_report = isinstance(parsed, dict) and isinstance(parsed.get("case"), dict)
    return parsed if is_report and "verdict" in parsed else None


def not_analysed(name: str, inputs: list[str], why: str, version: str | None) -> dict[str, Any]:
    """Make the report of a ticket of which nothing is known but why, as ``batch`` does."""
    return {
        "schema_version": 1,
        "tool": {"name": "rdp-triage", "version": version or f"worker {__version__}"},
        "case": {"name": name, "inputs": inputs, "unfinished": why},
        "verdict": "no_evidence",
        "summary": f"Not analysed: {why}",
        "diagnoses": [],
        "attempts": [],
        "hosts": [],
        "missing_evidence": [],
        "coverage": [],
        "problems": [{"file": name, "offset": None, "message": why}],
    }
