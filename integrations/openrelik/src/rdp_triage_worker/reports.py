"""What OpenRelik shows of results: a line for each ticket, and a table of the task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from openrelik_worker_common.reporting import MarkdownTable, Priority, Report

from .markdown import harmless, plain
from .triage import Result

_PRIORITIES = {
    "conclusive": Priority.HIGH,
    "strong": Priority.HIGH,
    "moderate": Priority.MEDIUM,
    "weak": Priority.MEDIUM,
}


def priority(report: dict[str, Any]) -> Priority:
    """Say how much a report wants to be read."""
    if "unfinished" in report["case"]:
        return Priority.MEDIUM
    if report["verdict"] != "diagnosed":
        return Priority.LOW
    leading = report["diagnoses"][0] if report["diagnoses"] else {}
    return _PRIORITIES.get(str(leading.get("certainty")), Priority.MEDIUM)


def file_report(result: Result) -> Report:
    """Tell one ticket in a line; all that is known of it is in its file."""
    report = Report(f"RDP triage: {plain(result.name)}")
    report.summary = harmless(result.report["summary"])
    report.priority = priority(result.report)
    return report


def task_report(results: Sequence[Result]) -> Report:
    """Tell all tickets of a task in one table."""
    report = Report("RDP triage")
    table = MarkdownTable(["Ticket", "Answer", "Certainty", "Fault on", "Problems"])
    for result in results:
        table.add_row(_row(result))
    section = report.add_section()
    section.add_table(table)
    report.summary = _counted(results)
    report.priority = max((priority(result.report) for result in results), default=Priority.LOW)
    return report


def _row(result: Result) -> list[str]:
    leading: dict[str, Any] = next(iter(result.report["diagnoses"]), {})
    if result.failure:
        answer = f"not finished: {result.failure}"
    elif result.report["verdict"] == "diagnosed":
        answer = leading.get("cause", "")
    else:
        leading = {}
        answer = result.report["verdict"].replace("_", " ")
    cells = [result.name, answer, leading.get("certainty", ""), leading.get("fault_domain", "")]
    return [plain(cell) for cell in [*cells, len(result.report["problems"])]]


def _counted(results: Iterable[Result]) -> str:
    counts: dict[str, int] = {}
    for result in results:
        verdict = "not finished" if result.failure else str(result.report["verdict"])
        counts[verdict] = counts.get(verdict, 0) + 1
    return ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in counts.items())
