from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rdp_triage_worker.runner import Limits, run

GENEROUS = Limits(seconds=30.0, address_space=4 << 30)

Program = Callable[[str], str]


def alive(pid: int) -> bool:
    """Say whether a process runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def is_gone(pid: int) -> bool:
    until = time.monotonic() + 5.0
    while alive(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def number_in(path: Path) -> int:
    until = time.monotonic() + 5.0
    while not (path.exists() and path.read_text(encoding="ascii").endswith("\n")):
        assert time.monotonic() < until, f"{path} was not written"
        time.sleep(0.01)
    return int(path.read_text(encoding="ascii"))


def test_a_program_that_ends_by_itself_is_told_with_status_and_words(
    program: Program, tmp_path: Path
) -> None:
    ended = run([program("echo no >&2; exit 3")], folder=tmp_path, limits=GENEROUS)
    assert (ended.exit_code, ended.failure, ended.stderr) == (3, None, "no")
    assert ended.peak_rss > 0


@pytest.mark.parametrize("handles", [True, False])
def test_what_is_over_its_time_is_killed_with_all_its_children(
    program: Program, tmp_path: Path, handles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not handles:

        def forbidden(_: int) -> int:
            raise PermissionError

        monkeypatch.setattr(os, "pidfd_open", forbidden)
    script = f"sleep 60 & echo $! > {tmp_path}/child; trap '' TERM INT; while :; do sleep 60; done"
    began = time.monotonic()
    ended = run(
        [program(script)], folder=tmp_path, limits=Limits(seconds=0.5, address_space=4 << 30)
    )
    assert time.monotonic() - began < 5.0
    assert ended.failure == "given up after 0 seconds (--max-time)"
    assert is_gone(number_in(tmp_path / "child"))


def test_children_that_outlive_the_program_are_killed_too(program: Program, tmp_path: Path) -> None:
    ended = run(
        [program(f"sleep 60 & echo $! > {tmp_path}/child")], folder=tmp_path, limits=GENEROUS
    )
    assert ended.exit_code == 0
    assert is_gone(number_in(tmp_path / "child"))


def test_what_asks_for_too_much_memory_ends_and_says_so(tmp_path: Path) -> None:
    hungry = [sys.executable, "-c", "b = bytearray(1 << 30)"]
    ended = run(hungry, folder=tmp_path, limits=Limits(seconds=30.0, address_space=512 << 20))
    assert ended.exit_code == 1
    assert "MemoryError" in ended.stderr
    assert ended.peak_rss < 512 << 20


def test_a_signal_is_named(program: Program, tmp_path: Path) -> None:
    ended = run([program("echo last words >&2; kill -ABRT $$")], folder=tmp_path, limits=GENEROUS)
    assert ended.exit_code is None
    assert ended.failure == ("ended by SIGABRT (it may take 4096 MiB of address space): last words")


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    ended = run(["/no/such/program"], folder=tmp_path, limits=GENEROUS)
    assert ended.failure is not None
    assert ended.failure.startswith("/no/such/program cannot be started: ")


def test_much_on_standard_error_is_read_from_its_end(program: Program, tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done"
    ended = run([program(script)], folder=tmp_path, limits=GENEROUS)
    assert ended.stderr.endswith("line 2999")
    assert len(ended.stderr) <= 4096


def test_somebody_is_told_while_it_runs(program: Program, tmp_path: Path) -> None:
    told: list[float] = []
    run(
        [program("sleep 0.5")],
        folder=tmp_path,
        limits=GENEROUS,
        tick=lambda: told.append(time.monotonic()),
        tick_seconds=0.1,
    )
    assert 2 <= len(told) <= 5


def test_an_interruption_kills_what_runs(program: Program, tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    script = program(f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(KeyboardInterrupt):
        run([script], folder=tmp_path, limits=GENEROUS, tick=stop, tick_seconds=0.3)
    assert is_gone(number_in(tmp_path / "pid"))


def test_who_kills_the_worker_kills_what_it_runs(program: Program, tmp_path: Path) -> None:
    script = program(f"echo $$ > {tmp_path}/pid; exec sleep 60")
    code = (
        "from pathlib import Path; from rdp_triage_worker.runner import Limits, run;"
        f"run([{script!r}], folder=Path({str(tmp_path)!r}),"
        "limits=Limits(seconds=50, address_space=1 << 32))"
    )
    worker = subprocess.Popen([sys.executable, "-c", code])
    child = number_in(tmp_path / "pid")
    assert alive(child)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert is_gone(child)


def test_nothing_of_a_run_stays_open(program: Program, tmp_path: Path) -> None:
    script = program("exit 0")
    run([script], folder=tmp_path, limits=GENEROUS)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        run([script], folder=tmp_path, limits=GENEROUS)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
