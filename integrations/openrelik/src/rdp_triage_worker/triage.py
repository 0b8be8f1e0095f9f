"""One ticket: run the program on it, and keep what came out, also when nothing did."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import __version__, runner
from .options import Options
from .results import Store, file_name, finished, not_analysed, parse
from .settings import Settings
from .tickets import Input, UnreadableError, digest, stage

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
    #: Why there is no answer, or only one of a part.
    failure: str | None = None
    #: Seconds that the program took, and bytes that it had resident at most.
    seconds: float = 0.0
    peak_rss: int = 0


def key(content: str, name: str, options: Options, settings: Settings, version: str) -> str:
    """Hash what a result depends on: the input, its name, what is asked, and who answers how."""
    rules = digest([Input(settings.rules, "rules")]) if settings.rules else ""
    how = [settings.max_time, settings.max_memory, rules, version, __version__]
    asked = json.dumps([content, name, options.task_config(), how])
    return hashlib.sha256(asked.encode("utf-8", "surrogateescape")).hexdigest()


@lru_cache(maxsize=8)
def version(binary: str) -> str:
    """Ask the program for its version.

    Raises ``UnreadableError`` when it cannot be run.
    """
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
    known_key: str | None = None,
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
    this: str | None = None
    try:
        this = version(settings.binary)
    except UnreadableError:
        if known_key is None:
            raise
    ticket = known_key or key(digest(inputs), name, options, settings, str(this))
    endings = _endings(options, shown=workflow is not None)
    files = {ending: file_name(ticket, ending, workflow) for ending in endings}
    before = finished(store.read(files[JSON]))
    if before is not None:
        there = {ending: file for ending, file in files.items() if store.has(file)}
        return Result(name, there, before, reused=True)
    with tempfile.TemporaryDirectory(prefix="rdp-triage-") as folder:
        run = _Run(inputs, name, options, settings, this, Path(folder))
        return run.into(store, files, begin(files[JSON]), tick)


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
    #: Of the program, where it can be asked.
    version: str | None
    folder: Path

    def into(
        self, store: Store, files: dict[str, str], refused: str | None, tick: Callable[[], None]
    ) -> Result:
        evidence, results = self.folder / "ticket", self.folder / "results"
        evidence.mkdir()
        results.mkdir()
        ended, failure = None, refused
        try:
            if refused is None:
                ended = runner.run(
                    self._command(stage(self.inputs, evidence), results, files),
                    folder=evidence,
                    limits=self._limits(),
                    tick=tick,
                )
                failure = _failure(ended)
        except UnreadableError as error:
            failure = str(error)
        report = self._report(results / files[JSON], failure)
        if MARKDOWN in files and not (results / files[MARKDOWN]).exists():
            # OpenRelik shows it in the ticket's place.
            said = f"## {self.name}\n\n{report['summary']}\n".replace("<", "&lt;")
            (results / files[MARKDOWN]).write_text(said, encoding="utf-8", errors="replace")
        # A timeline without an entry is an empty file, which no importer likes.
        kept = {e: file for e, file in files.items() if _holds_something(results / file)}
        # The report comes last: where it is, the others are.
        for file in sorted(kept.values(), key=files[JSON].__eq__):
            store.write(file, results / file)
        return Result(
            name=self.name,
            files=kept,
            report=report,
            failure=report["case"].get("unfinished"),
            seconds=ended.seconds if ended else 0.0,
            peak_rss=ended.peak_rss if ended else 0,
        )

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

    def _report(self, path: Path, failure: str | None) -> dict[str, Any]:
        """Give the report that the program wrote, or write the one that says why it did not."""
        written = path.read_bytes() if path.exists() else None
        report = parse(written) if failure is None else None
        if report is None:
            why = failure or "the program ended without a whole report"
            inputs = [part.name for part in self.inputs]
            report = not_analysed(self.name, inputs, why, self.version)
            path.write_text(json.dumps(report) + "\n", encoding="utf-8")
        return report


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
