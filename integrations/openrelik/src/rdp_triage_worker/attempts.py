"""How often was a ticket begun and not ended? One that kills its worker must not do so for ever."""

from __future__ import annotations

from celery import Task

# Times that one task may begin a ticket.
_MOST = 3

# Seconds for which is remembered how often.
_REMEMBERED = 7 * 24 * 3600


class Attempts:
    """Counts in Redis, where it outlives the worker, by the task and the ticket.

    A task whose worker was lost is given to the next one under the same number.
    """

    def __init__(self, task: Task) -> None:
        """Take the connection that the task has; without one nothing is counted."""
        self._task = task.request.id
        self._client = getattr(task.backend, "client", None) if self._task else None

    def begin(self, file: str) -> str | None:
        """Count one more; give the reason where it would be one too many."""
        if self._client is None:
            return None
        before = int(self._client.incr(self._key(file))) - 1
        self._client.expire(self._key(file), _REMEMBERED)
        if before < _MOST:
            return None
        return f"not tried again: {before} times a worker was lost while it was at it"

    def end(self, file: str) -> None:
        """Forget a ticket that has come to an end."""
        if self._client is not None:
            self._client.delete(self._key(file))

    def _key(self, file: str) -> str:
        return f"rdp-triage:begun:{self._task}:{file}"
