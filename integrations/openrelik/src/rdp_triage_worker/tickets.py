"""Tickets: which there are, what makes one the same as another, and how the program gets it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec.core import url_to_fs

# Bytes that are read at a time.
_CHUNK = 1 << 20

# By what stores tell one state of a file from another.
_TAGS = (
    "size", "ETag", "etag", "md5Hash", "content_md5", "content_settings", "checksum", "crc32c",
    "generation", "mtime", "LastModified", "last_modified", "updated", "modified", "created",
)  # fmt: skip

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
        return cls(path, clean(name), dict(given))

    @property
    def is_local(self) -> bool:
        """Whether the program can open it where it is."""
        return "://" not in self.path


class UnreadableError(Exception):
    """An input cannot be had: the message says why, and names it."""


def listed(sources: Iterable[str], output: str) -> list[Input]:
    """Give the direct children of folders and object stores: each is a ticket, but the results.

    The folders in the order in which they were given, the tickets of each by name, as
    ``rdp-triage batch`` has them. Where two have one name, both are called by their paths.
    Raises ``UnreadableError``.
    """
    found: list[Input] = []
    for source in sources:
        found.extend(
            _remote_children(source, output)
            if "://" in source
            else _local_children(Path(source), output)
        )
    return _named_apart(found)


def _named_apart(tickets: list[Input]) -> list[Input]:
    by_path = [
        replace(ticket, name=clean(ticket.path)) if alike > 1 else ticket
        for ticket, alike in _alike(tickets)
    ]
    numbers: Counter[str] = Counter()
    apart = []
    for ticket, alike in _alike(by_path):
        numbers[ticket.name] += 1
        number = f" ({numbers[ticket.name]})" if alike > 1 else ""
        apart.append(replace(ticket, name=ticket.name + number))
    return apart


def _alike(tickets: list[Input]) -> list[tuple[Input, int]]:
    names = Counter(ticket.name for ticket in tickets)
    return [(ticket, names[ticket.name]) for ticket in tickets]


def _local_children(folder: Path, output: str) -> Iterator[Input]:
    if not folder.is_dir():
        raise UnreadableError(f"{clean(str(folder))}: no such folder")
    whole = os.path.realpath(folder)
    results = None if "://" in output else os.path.realpath(output)
    if results is not None and (results == whole or _lies_in_a_ticket(results, whole)):
        raise UnreadableError(f"{clean(output)}: the tickets are there; choose another --output")
    # In the order of bytes, as the program sorts.
    for name in sorted((child.name for child in folder.iterdir()), key=os.fsencode):
        if os.path.realpath(folder / name) != results:
            yield Input(str(folder.absolute() / name), clean(name))


def _lies_in_a_ticket(results: str, folder: str) -> bool:
    return folder in (str(parent) for parent in list(Path(results).parents)[1:])


def _remote_children(source: str, output: str) -> Iterator[Input]:
    if source.rstrip("/") == output.rstrip("/"):
        raise UnreadableError(f"{source}: the tickets are there; choose another --output")
    try:
        fs, root = url_to_fs(source)
        entries = fs.ls(root, detail=True)
        named = [(PurePosixPath(entry["name"].rstrip("/")).name, entry) for entry in entries]
    # Each store has errors of its own, and some packages are not there.
    except Exception as error:
        raise UnreadableError(f"{source}: cannot be listed: {_told(error)}") from error
    for name, entry in sorted(named, key=lambda pair: pair[0].encode()):
        # Some stores keep the folder itself as an object without a byte.
        if entry["name"].rstrip("/") != str(root).rstrip("/"):
            url = str(fs.unstrip_protocol(entry["name"]))
            if url.rstrip("/") != output.rstrip("/"):
                yield Input(url, clean(name))


def clean(name: str) -> str:
    """Give a name that every program takes: what is no UTF-8 is shown as such."""
    return os.fsencode(name).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


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
    try:
        fs, root = url_to_fs(url)
        found = fs.find(root, detail=True)
    except Exception as error:
        raise UnreadableError(f"{url}: cannot be read: {_told(error)}") from error
    for path in sorted(found):
        tags = [f"{tag}={found[path][tag]}" for tag in _TAGS if found[path].get(tag) is not None]
        yield str(path).removeprefix(str(root)), " ".join(tags)


def stage(inputs: Sequence[Input], folder: Path, most_fetched: int) -> list[str]:
    """Lay a ticket into an empty folder under the names that people know.

    Gives the paths in it, which begin with ``./``: no name is an option. What is on this machine
    is linked; what lies elsewhere is fetched, if it is no more than so many bytes. Raises
    ``UnreadableError``.
    """
    staged = []
    for number, part in enumerate(inputs):
        # Two parts may have one name; and no part's name may be that of another's folder.
        place = folder / f"part-{number}" if len(inputs) > 1 else folder
        place.mkdir(exist_ok=place == folder)
        target = place / safe_name(part.name)
        if part.is_local:
            if not Path(part.path).exists():
                raise UnreadableError(f"no such file or folder: {part.name}")
            target.symlink_to(Path(part.path).absolute())
        else:
            _fetch(part.path, target, most_fetched)
        staged.append(f"./{target.relative_to(folder)}")
    return staged


def _fetch(url: str, target: Path, most: int) -> None:
    try:
        fs, root = url_to_fs(url)
        found = fs.find(root, detail=True)
        refused = _refused(found, most)
        if refused is None:
            fs.get(root, str(target), recursive=fs.isdir(root))
    except Exception as error:
        refused = _told(error)
    if refused is None and not target.exists():
        refused = "nothing there"
    if refused is not None:
        raise UnreadableError(f"{url}: cannot be fetched: {refused}")


def _refused(found: Mapping[str, Mapping[str, Any]], most: int) -> str | None:
    if any(".." in PurePosixPath(path).parts for path in found):
        return "a name in it leads out of it"
    size = sum(int(entry.get("size") or 0) for entry in found.values())
    return f"{size} bytes, where RDP_TRIAGE_MAX_FETCH allows {most}" if size > most else None


def safe_name(name: str) -> str:
    """Make a file name of what somebody called a file."""
    safe = name.translate(_FORBIDDEN)
    # A name has 255 bytes on most file systems; an ending says what a file is.
    while len(safe.encode("utf-8", "surrogateescape")) > 200:
        safe = safe[1:]
    return "_" if safe in ("", ".", "..") else safe
