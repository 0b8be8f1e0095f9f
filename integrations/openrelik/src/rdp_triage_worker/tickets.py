"""Tickets: which there are, what makes one the same as another, and how the program gets it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

# Bytes that are read at a time.
_CHUNK = 1 << 20

# What a file name may not have, or what would make a path or an option of it.
_FORBIDDEN = str.maketrans({"/": "_", "\\": "_", "\0": "_"})


@dataclass(frozen=True)
class Input:
    """One file, archive or folder: where it is, and what people call it."""

    #: A path, or a URL that fsspec knows.
    path: str
    name: str
    #: What OpenRelik said about it.
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Input:
        """Read what OpenRelik gives for one file."""
        path = str(given.get("path") or "")
        if not path:
            raise ValueError(f"an input without a path: {given.get('display_name')!r}")
        name = str(given.get("display_name") or PurePosixPath(path).name)
        return cls(path, name, dict(given))

    @property
    def is_local(self) -> bool:
        """Whether the program can open it where it is."""
        return "://" not in self.path


class UnreadableError(Exception):
    """An input cannot be had: the message says why, and names it."""


def listed(sources: Iterable[str], leave_out: str | None = None) -> list[Input]:
    """Give the direct children of folders and object stores: each is a ticket.

    The folders in the order in which they were given, the tickets of each by name, as
    ``rdp-triage batch`` has them. Where two have one name, both are called by their paths.
    """
    found: list[Input] = []
    for source in sources:
        found.extend(_children(source, leave_out))
    names: dict[str, int] = {}
    for ticket in found:
        names[ticket.name] = names.get(ticket.name, 0) + 1
    return [t if names[t.name] == 1 else replace(t, name=t.path) for t in found]


def _children(source: str, leave_out: str | None) -> Iterator[Input]:
    if "://" not in source:
        folder = Path(source)
        if not folder.is_dir():
            raise UnreadableError(f"{source}: no such folder")
        without = Path(leave_out).resolve() if leave_out and "://" not in leave_out else None
        # In the order of bytes, as the program sorts.
        for name in sorted((child.name for child in folder.iterdir()), key=os.fsencode):
            if without is None or (folder / name).resolve() != without:
                yield Input(
                    str(folder.absolute() / name), os.fsencode(name).decode("utf-8", "replace")
                )
        return
    fs, root = url_to_fs(source)
    try:
        entries = fs.ls(root, detail=True)
    except OSError as error:
        raise UnreadableError(f"{source}: cannot be listed: {error}") from error
    named = ((PurePosixPath(entry["name"].rstrip("/")).name, entry) for entry in entries)
    for name, entry in sorted(named, key=lambda pair: pair[0].encode()):
        # Some stores keep the folder itself as an object without a byte.
        if entry["name"].rstrip("/") != str(root).rstrip("/"):
            url = fs.unstrip_protocol(entry["name"])
            if leave_out is None or url.rstrip("/") != leave_out.rstrip("/"):
                yield Input(url, name)


def digest(inputs: Iterable[Input]) -> str:
    """Hash what is in a ticket, and what its parts are called.

    Files are hashed by their content. Of what lies elsewhere the store says what it takes for
    the same: names, sizes, and its own tags or times.
    """
    whole = hashlib.sha256()
    for part in inputs:
        files = _local(Path(part.path)) if part.is_local else _remote(part.path)
        for text in ("input", part.name, *(text for file in files for text in file)):
            # No name and no tag has a zero in it: nothing can be told in two ways.
            whole.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return whole.hexdigest()


def _local(path: Path) -> Iterator[tuple[str, str]]:
    """Give names and contents of all files."""
    if not path.is_dir():
        yield ".", _content(path, follow=True)
        return
    # Links below are not followed, as the program does not.
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            below = Path(folder, name)
            yield str(below.relative_to(path)), _content(below, follow=False)


def _content(path: Path, *, follow: bool) -> str:
    try:
        mode = path.stat(follow_symlinks=follow).st_mode
        # To open a pipe might wait for ever.
        if not stat.S_ISREG(mode):
            return f"kind {stat.S_IFMT(mode):o}"
        content = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                content.update(chunk)
        return content.hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _remote(url: str) -> Iterator[tuple[str, str]]:
    fs, root = url_to_fs(url)
    try:
        found = fs.find(root, detail=True)
        for path in sorted(found):
            entry = found[path]
            tag = entry.get("ETag") or entry.get("md5Hash") or entry.get("mtime") or ""
            yield path.removeprefix(str(root)), f"{entry.get('size')} {tag}"
    except OSError as error:
        raise UnreadableError(f"{url}: cannot be read: {error}") from error


def stage(inputs: Iterable[Input], folder: Path) -> list[str]:
    """Lay a ticket into an empty folder under the names that people know.

    Gives the paths in it, which begin with ``./``: no name is an option. What is on this machine
    is linked, what lies elsewhere is fetched. Raises ``UnreadableError``.
    """
    staged = []
    for number, part in enumerate(inputs):
        # Two parts may have one name.
        place = folder / str(number) if number else folder
        place.mkdir(exist_ok=True)
        target = place / safe_name(part.name)
        if part.is_local:
            if not Path(part.path).exists():
                raise UnreadableError(f"no such file or folder: {part.name}")
            target.symlink_to(Path(part.path).absolute())
        else:
            _fetch(part.path, target)
        staged.append(f"./{target.relative_to(folder)}")
    return staged


def _fetch(url: str, target: Path) -> None:
    try:
        fs, root = url_to_fs(url)
        fs.get(root, str(target), recursive=fs.isdir(root))
    except OSError as error:
        raise UnreadableError(f"{url}: cannot be fetched: {error}") from error
    if not target.exists():
        raise UnreadableError(f"{url}: cannot be fetched: nothing there")


def safe_name(name: str) -> str:
    """Make a file name of what somebody called a file."""
    clean = name.translate(_FORBIDDEN)
    # A name has 255 bytes on most file systems; an ending says what a file is.
    while len(clean.encode("utf-8", "surrogateescape")) > 200:
        clean = clean[1:]
    return "_" if clean in ("", ".", "..") else clean


def is_local(fs: fsspec.AbstractFileSystem) -> bool:
    """Whether a file system is this machine's."""
    return isinstance(fs, LocalFileSystem)
