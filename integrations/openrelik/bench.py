"""Times one worker beside two, and both beside ``rdp-triage batch``, on the same tickets.

    target/venv/bin/python integrations/openrelik/bench.py [TICKETS] [ROUNDS]

Needs redis-server, and the release builds of the program and of the example make_load.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(HERE / "tests"))

from cluster import Cluster, cluster  # noqa: E402

BINARY = PROJECT / "target" / "release" / "rdp-triage"
MAKE_LOAD = PROJECT / "target" / "release" / "examples" / "make_load"


def main() -> None:
    """Print the medians of some rounds."""
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder, "tickets")
        desk.mkdir()
        made = [str(MAKE_LOAD), "tickets", str(tickets), str(desk), "0", "0"]
        subprocess.run(made, check=True)
        # Nobody waits in a measurement.
        shutil.rmtree(desk / "waits-for-ever")
        times = _measure(Path(folder), desk, rounds)
    one, two = statistics.median(times["1 worker"]), statistics.median(times["2 workers"])
    alone = statistics.median(times["batch --jobs 1"])
    print(f"{tickets} tickets, medians of {rounds} rounds in turn")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:>16}: {median:6.2f} s, {tickets / median:5.0f} tickets/s")
    print(f"two workers against one: {one / two:.2f} times as fast")
    print(f"overhead of a ticket against batch: {(one - alone) / tickets * 1000:.1f} ms")


def _measure(folder: Path, desk: Path, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    with cluster(folder, str(BINARY)) as running:
        for number in range(rounds):
            for jobs in ("1", "2"):
                command = [str(BINARY), "batch", str(desk), "--quiet", "--jobs", jobs]
                command += ["--output", str(folder / f"batch-{number}-{jobs}")]
                times.setdefault(f"batch --jobs {jobs}", []).append(_timed(command))
            running.start_worker("one")
            times.setdefault("1 worker", []).append(_driven(running, desk, f"{number}-one"))
            running.start_worker("two")
            times.setdefault("2 workers", []).append(_driven(running, desk, f"{number}-two"))
            running.stop("one")
            running.stop("two")
    return times


def _driven(running: Cluster, desk: Path, results: str) -> float:
    began = time.monotonic()
    driver = running.driver(str(desk), f"--output={running.folder / results}", "--quiet")
    _, error = driver.communicate()
    if driver.returncode != 0:
        raise SystemExit(error.decode())
    return time.monotonic() - began


def _timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
