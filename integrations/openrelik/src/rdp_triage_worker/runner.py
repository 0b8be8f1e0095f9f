"""Runs one program to its end, or ends it: in so much time, in so much memory, leaving nothing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# What a child calls between fork and exec must not load anything any more.
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

# Bytes of standard error that are kept: its end says what went wrong.
_KEPT_OF_STDERR = 4096

# Where no process can be waited for with a time limit, it is asked this often.
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Limits:
    """What one run may take."""

    #: Seconds until the whole process group is killed.
    seconds: float
    #: Bytes of address space (RLIMIT_AS); it is larger than what is really used.
    address_space: int


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    #: Status of its exit, or None where it was ended by a signal or never began.
    exit_code: int | None
    #: Why there is no answer; None where the program ended by itself, whatever its status.
    failure: str | None
    #: The end of what it wrote to standard error.
    stderr: str
    #: Seconds that it took.
    seconds: float
    #: Bytes that were resident at most.
    peak_rss: int


def run(
    command: Sequence[str],
    *,
    folder: Path,
    limits: Limits,
    tick: Callable[[], None] = lambda: None,
    tick_seconds: float = 2.0,
) -> Ended:
    """Run a command in a folder; ``tick`` is called every few seconds meanwhile.

    Whatever happens, nobody of its process group is alive afterwards: not when it is over its
    time, not when this process is interrupted. When this process is killed, the kernel kills the
    program with it, though not what the program may have started; rdp-triage starts nothing.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
                # Workers run one task at a time in a process without threads.
                preexec_fn=_confinement(limits),
            )
        except (OSError, subprocess.SubprocessError) as error:
            why = f"{command[0]} cannot be started: {error}"
            return Ended(None, why, "", time.monotonic() - began, 0)
        try:
            in_time = _wait(process.pid, began + limits.seconds, tick, tick_seconds)
        finally:
            # Not waited for yet, so the number cannot be somebody else's.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        said = _end_of(stderr)
    return Ended(
        exit_code=process.returncode if process.returncode >= 0 else None,
        failure=_failure(process.returncode, in_time, limits, said),
        stderr=said,
        seconds=time.monotonic() - began,
        # Linux counts in KiB.
        peak_rss=usage.ru_maxrss * 1024,
    )


def _confinement(limits: Limits) -> Callable[[], None]:
    """Make what the child does before it becomes the program."""
    parent = os.getpid()

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.address_space, limits.address_space))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Who kills the worker kills what it runs.
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return confine


def _wait(pid: int, until: float, tick: Callable[[], None], tick_seconds: float) -> bool:
    """Wait until a child has ended, without taking its number away, or its time is over."""
    with _ending(pid) as ended:
        next_tick = time.monotonic() + tick_seconds
        while (left := until - time.monotonic()) > 0:
            if ended(min(left, max(next_tick - time.monotonic(), 0.0))):
                return True
            if time.monotonic() >= next_tick:
                tick()
                next_tick = time.monotonic() + tick_seconds
    return False


@contextlib.contextmanager
def _ending(pid: int) -> Iterator[Callable[[float], bool]]:
    """Give a function that waits so many seconds and says whether the child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        # An old kernel, or a container that forbids it.
        yield lambda seconds: _has_ended(pid, seconds)
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        yield lambda seconds: bool(poll.poll(seconds * 1000))
    finally:
        os.close(handle)


def _has_ended(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while True:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_SECONDS)


def _end_of(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _KEPT_OF_STDERR))
    return file.read().decode("utf-8", "replace").strip()


def _failure(status: int, in_time: bool, limits: Limits, said: str) -> str | None:
    if not in_time:
        return f"given up after {limits.seconds:.0f} seconds (--max-time)"
    if status >= 0:
        return None
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    limit = f"it may take {limits.address_space >> 20} MiB of address space"
    return f"ended by {name} ({limit}){': ' if said else ''}{_last_line(said)}"


def _last_line(text: str) -> str:
    lines = text.splitlines()
    return lines[-1] if lines else ""
