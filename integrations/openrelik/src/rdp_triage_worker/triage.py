"""One ticket: run the program on it, and keep what came out, also when nothing did."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import __version__, runner, scratch
from .markdown import plain
from .options import Options
from .results import Store, file_name, finished, not_analysed, parse
from .settings import Settings
from .tickets import Input, UnreadableError, clean, digest, stage

#: Endings of the files that a ticket may have: its report in three forms, and its timeline.
JSON, PAGE, MARKDOWN, TIMELINE = ".json", ".html", ".md", ".jsonl"

# Statuses with which the program ends when it has written a report.
_REPORTED = (0, 3)


@dataclass(frozen=True)
class Result:
    """What there is of a ticket."""

    name: str
    #: Names of its files in the store, by their endings.
    files: dict[str, str]
    #: The report as JSON.
    report: dict[str, Any]
    #: Whether it was there already.
    reused: bool = False
    #: Seconds that the program took, and bytes that it had resident at most.
    seconds: float = 0.0
    peak_rss: int = 0

    @property
    def failure(self) -> str | None:
        """Why there is no answer, or only one of a part."""
        why: str | None = self.report["case"].get("unfinished")
        return why


@dataclass(frozen=True)
class Expected:
    """What a driver has seen of a ticket, and how it wants it analysed."""

    content: str
    answerer: str


def key(expected: Expected, name: str, options: Options) -> str:
    """Hash what a result depends on: the input, its name, what is asked, and who answers how."""
    asked = json.dumps([expected.content, name, options.task_config(), expected.answerer])
    return hashlib.sha256(asked.encode("utf-8", "surrogateescape")).hexdigest()


def answerer(settings: Settings, version: str) -> str:
    """Say who answers how: the same here and on another machine, or results differ."""
    rules = digest([Input(settings.rules, "rules")]) if settings.rules else "none"
    return (
        f"rdp-triage {version}, worker {__version__}, {settings.max_time:g} s, "
        f"{settings.max_memory}, rules {rules}"
    )


def version(binary: str) -> str:
    """Ask the program for its version.

    Raises ``UnreadableError`` when it cannot be run.
    """
    found = shutil.which(binary)
    if found is None:
        raise UnreadableError(f"{binary}: no such program (RDP_TRIAGE_BINARY names it)")
    status = Path(found).stat()
    return _version(found, status.st_mtime_ns, status.st_ino)


def refuse_question(binary: str, options: Options) -> None:
    """Have the program look at what is asked of all tickets.

    Raises ``UnreadableError`` with its own words where it does not understand it.
    """
    command = [binary, "analyze", "--quiet", *options.arguments(), os.devnull]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if asked.returncode not in _REPORTED:
        said = asked.stderr.strip().removeprefix("rdp-triage: ").removeprefix("error: ")
        raise UnreadableError(said.splitlines()[0] if said else "the question is not understood")


@lru_cache(maxsize=8)
def _version(binary: str, *_changed: int) -> str:
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise UnreadableError(
            f"{binary} cannot be run (RDP_TRIAGE_BINARY names it): {error}"
        ) from error
    return said.split()[-1] if said.split() else "unknown"


def triage(
    inputs: Sequence[Input],
    *,
    name: str,
    options: Options,
    settings: Settings,
    store: Store,
    workflow: str | None = None,
    expected: Expected | None = None,
    begin: Callable[[str], str | None] = lambda file: None,
    tick: Callable[[], None] = lambda: None,
) -> Result:
    """Analyse one ticket and put its results into the store.

    A ticket that was analysed to its end before is not analysed again. ``begin`` is asked before
    the program runs, with the name that the report will have: a reason is why it should not.
    Raises ``OSError`` when results cannot be written, and ``UnreadableError`` when the program
    cannot be run and nobody knows how its results would be called; all else that is wrong with
    the ticket or the run is in the result.
    """
    run = _Run(inputs, name, options, settings, store, expected, tick)
    known = expected or run.seen()
    whose = [str(part.about.get("uuid") or part.path) for part in inputs] if workflow else []
    ticket = "\n".join([key(known, name, options), *whose])
    endings = _endings(options, shown=workflow is not None)
    files = {ending: file_name(ticket, ending, workflow) for ending in endings}
    return run.kept(files) or run.into(files, begin(files[JSON]))


def _endings(options: Options, *, shown: bool) -> list[str]:
    """Say which files there are to be; those to be shown in OpenRelik are Markdown."""
    chosen = {JSON: True, PAGE: options.html, MARKDOWN: shown, TIMELINE: options.timesketch}
    return [ending for ending, wanted in chosen.items() if wanted]


@dataclass(frozen=True)
class _Run:
    """One run of the program, in a folder of its own."""

    inputs: Sequence[Input]
    name: str
    options: Options
    settings: Settings
    store: Store
    expected: Expected | None
    tick: Callable[[], None]

    def seen(self) -> Expected:
        """Look at the ticket as a driver does."""
        try:
            content = digest(self.inputs)
        except UnreadableError as error:
            # Fetching it will say so in its report.
            content = str(error)
        return Expected(content, answerer(self.settings, version(self.settings.binary)))

    def kept(self, files: dict[str, str]) -> Result | None:
        """Give what is there of a ticket that was analysed to its end."""
        before = finished(self.store.read(files[JSON]))
        if before is None:
            return None
        # The report came last: where it is, the others are.
        there = {ending: file for ending, file in files.items() if self.store.has(file)}
        return Result(self.name, there, before, reused=True)

    def into(self, files: dict[str, str], refused: str | None) -> Result:
        """Run the program and put what comes out into the store, or why nothing did."""
        with scratch.folder() as folder:
            ended, failure = self._run(folder, files, refused)
            report = self._report(folder, files, failure)
            if "unfinished" in report["case"] and (before := self.kept(files)) is not None:
                # Another worker, who was given it too, was luckier.
                return before
            # A timeline without an entry is an empty file, which no importer likes.
            there = {e: file for e, file in files.items() if _holds_something(folder / file)}
            for file in sorted(there.values(), key=files[JSON].__eq__):
                self.store.write(file, folder / file)
        return Result(
            name=self.name,
            files=there,
            report=report,
            seconds=ended.seconds if ended else 0.0,
            peak_rss=ended.peak_rss if ended else 0,
        )

    def _run(
        self, folder: Path, files: dict[str, str], refused: str | None
    ) -> tuple[runner.Ended | None, str | None]:
        evidence = folder / "ticket"
        evidence.mkdir()
        refused = refused or self._differs()
        if refused is not None:
            return None, refused
        try:
            paths = stage(self.inputs, evidence, self.settings.max_fetch)
        except UnreadableError as error:
            return None, str(error)
        ended = runner.run(
            self._command(paths, folder, files),
            folder=evidence,
            limits=self._limits(),
            tick=self.tick,
        )
        return ended, _failure(ended) or self._differs()

    def _differs(self) -> str | None:
        """Say why what is here would not be what the driver asked for."""
        if self.expected is None:
            return None
        try:
            seen = self.seen()
        except UnreadableError:
            return None  # Starting the program will say so.
        if seen.answerer != self.expected.answerer:
            wanted = self.expected.answerer
            return f"this worker is set up otherwise ({seen.answerer}) than the driver ({wanted})"
        if seen.content != self.expected.content:
            return "the ticket was changed after the driver had looked at it"
        return None

    def _command(self, paths: list[str], results: Path, files: dict[str, str]) -> list[str]:
        settings = self.settings
        command = [settings.binary, "analyze", "--quiet", "--no-progress", "--format=json"]
        command += [f"--name={self.name}", f"--jobs={settings.jobs}"]
        command += [f"--max-time={settings.max_time:g}", f"--max-memory={settings.max_memory}"]
        if settings.rules:
            command.append(f"--rules={settings.rules}")
        flags = {JSON: "--output", TIMELINE: "--timesketch"}
        for ending, file in files.items():
            command.append(f"{flags.get(ending, '--also')}={results / file}")
        return [*command, *self.options.arguments(), "--", *paths]

    def _limits(self) -> runner.Limits:
        seconds = self.settings.max_time + self.settings.grace
        return runner.Limits(seconds=seconds, address_space=self.settings.address_space)

    def _report(self, folder: Path, files: dict[str, str], failure: str | None) -> dict[str, Any]:
        """Give the report that the program wrote, or write the one that says why it did not."""
        path = folder / files[JSON]
        report = parse(path.read_bytes()) if failure is None and path.exists() else None
        if report is not None:
            return report
        for file in files.values():
            (folder / file).unlink(missing_ok=True)
        why = failure or "the program ended without a whole report"
        inputs = [part.name for part in self.inputs]
        report = not_analysed(self.name, inputs, clean(why), self._version())
        path.write_text(json.dumps(report) + "\n", encoding="utf-8")
        if MARKDOWN in files:
            # OpenRelik shows it in the ticket's place.
            said = f"## {plain(self.name)}\n\n{plain(report['summary'])}\n"
            (folder / files[MARKDOWN]).write_text(said, encoding="utf-8")
        return report

    def _version(self) -> str | None:
        try:
            return version(self.settings.binary)
        except UnreadableError:
            return None


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _failure(ended: runner.Ended) -> str | None:
    """Say why there is no report; None where the program wrote one."""
    if ended.failure is not None:
        return ended.failure
    if ended.exit_code in _REPORTED:
        return None
    said = ended.stderr.removeprefix("rdp-triage: ") or "it said nothing"
    if ended.exit_code == 101:  # A panic.
        return f"a fault of this program, please report it: {said}"
    return f"ended with status {ended.exit_code}: {said}"
