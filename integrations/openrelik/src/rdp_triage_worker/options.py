"""What is asked of one task: the fields that OpenRelik shows, and what was typed into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: The form that OpenRelik shows. Its page knows the types text, textarea and checkbox.
TASK_CONFIG: list[dict[str, Any]] = [
    {
        "name": "together",
        "label": "One ticket",
        "description": "All files belong to one ticket: logs and captures are joined. "
        "Otherwise each file or archive is a ticket of its own.",
        "type": "checkbox",
        "required": False,
    },
    {
        "name": "html",
        "label": "HTML report",
        "description": "Write each report as a page for a browser too.",
        "type": "checkbox",
        "required": False,
    },
    {
        "name": "timesketch",
        "label": "Timelines for Timesketch",
        "description": "Hand only the timelines on to the next worker, such as the upload to "
        "Timesketch; the reports stay with this task.",
        "type": "checkbox",
        "required": False,
    },
    {
        "name": "error",
        "label": "Error code",
        "description": "Code that the user saw, such as 0x904.",
        "type": "text",
        "required": False,
    },
    {
        "name": "extended",
        "label": "Extended error code",
        "description": "Second code of the same dialog, such as 0x7.",
        "type": "text",
        "required": False,
    },
]

_YES = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True)
class Options:
    """What changes which results there are, and what they say."""

    together: bool = False
    html: bool = False
    timesketch: bool = False
    error: str = ""
    extended: str = ""

    @classmethod
    def of(cls, task_config: Mapping[str, Any] | None) -> Options:
        """Read what OpenRelik gives; unknown names are left for newer workers."""
        given = task_config or {}

        def yes(name: str) -> bool:
            return str(given.get(name, "")).strip().lower() in _YES

        def text(name: str) -> str:
            return str(given.get(name) or "").strip()

        return cls(
            together=yes("together"),
            html=yes("html"),
            timesketch=yes("timesketch"),
            error=text("error"),
            extended=text("extended"),
        )

    def task_config(self) -> dict[str, Any]:
        """Give the same as a task takes it."""
        return asdict(self)

    def arguments(self) -> list[str]:
        """Give the flags of ``rdp-triage analyze`` that change what a report says."""
        flags = []
        if self.error:
            flags.append(f"--error={self.error}")
        if self.extended:
            flags.append(f"--extended={self.extended}")
        return flags
