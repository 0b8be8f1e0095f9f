"""The task that OpenRelik runs: every input a ticket, or all of them one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from celery import Task, signals
from celery.utils.log import get_task_logger
from openrelik_worker_common.file_utils import OutputFile
from openrelik_worker_common.reporting import serialize_file_report
from openrelik_worker_common.task_utils import create_task_result, get_input_files

from . import scratch
from .app import QUEUE, celery
from .attempts import Attempts
from .options import TASK_CONFIG, Options
from .reports import file_report, task_report
from .results import Store
from .settings import Settings
from .tickets import Input, UnreadableError
from .triage import JSON, MARKDOWN, PAGE, TIMELINE, Expected, Result, triage, version

#: Name under which the task is registered; what is before the first point is its queue.
TASK_NAME = f"{QUEUE}.tasks.analyze"

#: What OpenRelik shows of the task.
TASK_METADATA = {
    "display_name": "RDP triage",
    "description": "Says why Remote Desktop connections fail, from Windows event logs and captures",
    "task_config": TASK_CONFIG,
}

_DATA_TYPES = {
    JSON: "rdp-triage:report:json",
    PAGE: "rdp-triage:report:html",
    MARKDOWN: "rdp-triage:report:markdown",
    TIMELINE: "rdp-triage:timeline:jsonl",
}

logger = get_task_logger(__name__)


@celery.task(bind=True, name=TASK_NAME, metadata=TASK_METADATA)
def analyze(
    self: Task,
    pipe_result: str | None = None,
    input_files: list[dict[str, Any]] | None = None,
    output_path: str | None = None,
    workflow_id: str | None = None,
    task_config: dict[str, Any] | None = None,
) -> str:
    """Analyse all inputs and give OpenRelik their results, failures with their reasons among them.

    Raises ``RuntimeError`` when there is nothing to analyse.
    """
    given = [Input.of(file) for file in get_input_files(pipe_result, input_files or [])]
    if not given:
        raise RuntimeError("no input files: choose event logs, captures or archives of them")
    if not output_path:
        raise RuntimeError("no folder for the results")
    options, settings = Options.of(task_config), Settings.from_environment()
    tickets = list(_tickets(given, options))
    store = Store(output_path)
    attempts = Attempts(self)
    results: list[Result] = []
    for name, parts in tickets:
        tick = _teller(self, len(results), len(tickets), name)
        tick()
        result = triage(
            parts,
            name=name,
            options=options,
            settings=settings,
            store=store,
            workflow=workflow_id,
            expected=_expected(parts[0].about),
            begin=attempts.begin,
            tick=tick,
        )
        attempts.end(result.files[JSON])
        results.append(result)
        logger.info("%s: %s", name, result.failure or result.report["summary"])
    _teller(self, len(results), len(tickets), None)()
    return _task_result(tickets, results, store, options, workflow_id)


def _expected(about: Mapping[str, Any]) -> Expected | None:
    """Read what a driver says of its ticket; OpenRelik says nothing of the kind."""
    if "content" not in about:
        return None
    return Expected(str(about["content"]), str(about.get("answerer")))


@signals.worker_init.connect
def refuse_to_start_in_vain(**_: object) -> None:
    """End a worker that could do nothing, with the reason, before it takes a task."""
    try:
        settings = Settings.from_environment()
        logger.info("rdp-triage %s", version(settings.binary))
    except (UnreadableError, ValueError) as error:
        raise SystemExit(f"openrelik-worker-rdp-triage: {error}") from error
    if cleared := scratch.clear():
        logger.info("%d folders of workers that died were taken away", cleared)


def _tickets(given: Sequence[Input], options: Options) -> Iterator[tuple[str, Sequence[Input]]]:
    if not options.together:
        yield from ((part.name, [part]) for part in given)
        return
    more = f" and {len(given) - 1} more" if len(given) > 1 else ""
    yield f"{given[0].name}{more}", given


def _teller(task: Task, done: int, all_of_them: int, at: str | None) -> Callable[[], None]:
    """Make what tells OpenRelik how far the task has come."""

    def tell() -> None:
        # Without a request there is nobody to tell, as in a test.
        if task.request.id:
            task.send_event("task-progress", data={"done": done, "of": all_of_them, "at": at})

    return tell


def _task_result(
    tickets: Sequence[tuple[str, Sequence[Input]]],
    results: Sequence[Result],
    store: Store,
    options: Options,
    workflow_id: str | None,
) -> str:
    output_files: list[dict[str, Any]] = []
    task_files: list[dict[str, Any]] = []
    file_reports: list[dict[str, Any]] = []
    for (_, parts), result in zip(tickets, results, strict=True):
        about = parts[0].about
        files = {ending: _output_file(result, ending, store, about) for ending in result.files}
        for ending, file in files.items():
            # The upload to Timesketch takes whatever it is given, and fails on what is no timeline.
            stays = options.timesketch and ending != TIMELINE
            (task_files if stays else output_files).append(file.to_dict())
        # Of a driver's ticket there is no Markdown, and nobody to be shown it.
        shown = files.get(MARKDOWN) or files[JSON]
        file_reports.append(serialize_file_report(dict(about), shown, file_report(result)))
    failures = [
        {"ticket": result.name, "input": parts[0].about.get("uuid"), "reason": result.failure}
        for (_, parts), result in zip(tickets, results, strict=True)
        if result.failure
    ]
    return str(
        create_task_result(
            output_files=output_files,
            task_files=task_files,
            workflow_id=workflow_id,
            command="rdp-triage analyze --format json",
            meta={
                "tickets": len(results),
                "failures": failures,
                "reused": sum(result.reused for result in results),
                "seconds": round(sum(result.seconds for result in results), 3),
                "peak_rss": max((result.peak_rss for result in results), default=0),
            },
            file_reports=file_reports,
            task_report=task_report(results).to_dict(),
        )
    )


def _output_file(result: Result, ending: str, store: Store, about: Mapping[str, Any]) -> OutputFile:
    name = result.files[ending]
    # The library's helper would give a random name, which a second run could not find again.
    return OutputFile(
        uuid=name.removesuffix(ending),
        output_path=store.path(name),
        display_name=f"{result.name}.rdp-triage{ending}",
        extension=ending,
        data_type=_DATA_TYPES[ending],
        original_path=about.get("original_path"),
        source_file_id=about.get("id"),
    )
