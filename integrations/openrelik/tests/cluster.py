"""Redis and workers on this machine, each a process of its own, that a test starts and kills."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rdp_triage_worker.app import QUEUE

# The workers that a driver starts with, and nothing else on this machine, have it in their names.
MARK = "rdp-triage-under-test"


def wait_for(what: Callable[[], bool], why: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"waited {seconds} seconds for {why}"
        time.sleep(0.02)


def processes(text: str) -> dict[int, str]:
    """Give the processes whose command lines hold a text, by their numbers."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if text in command and state not in "ZX":
                    found[int(entry.name)] = command
    return found


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def peak_rss(pid: int) -> int:
    """Give the bytes that a process had resident at most, or 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


@dataclass
class Cluster:
    """A broker and its workers. Everything ends with it."""

    folder: Path
    binary: str
    #: Environment of workers and drivers, beside what is set here.
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Cluster:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [shutil.which("redis-server") or "redis-server", "--port", str(self.port)]
        command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "."]
        self._start("redis", command)
        wait_for(self._answers, "redis")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        for name in list(self.running):
            if name != "redis":
                self.stop(name)
        self.stop("redis")
        if kind is not None:
            for log in self.folder.glob("*.log"):
                sys.stderr.write(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}\n")

    def _answers(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "REDIS_URL": f"redis://127.0.0.1:{self.port}/0",
            "RDP_TRIAGE_BINARY": self.binary,
            "COLUMNS": "100",
            **self.environment,
        }

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.running[name]

    def start_worker(self, name: str) -> None:
        """Start a worker of concurrency 1, and wait until it can be given tasks."""
        command = [sys.executable, "-m", "celery", "--app=rdp_triage_worker.app", "worker"]
        command += ["--concurrency=1", f"--queues={QUEUE}", f"--hostname={name}@{MARK}"]
        log = self.folder / f"{name}.log"
        before = log.read_text().count(" ready.") if log.exists() else 0
        self._start(name, [*command, "--loglevel=INFO", "--without-gossip", "--without-mingle"])
        wait_for(lambda: log.read_text().count(" ready.") > before, f"worker {name}")

    def pool_process(self, name: str) -> int:
        """Give the child in which a worker runs its tasks."""
        found = children(self.running[name].pid)
        assert len(found) == 1, f"{name} has {found}"
        return found[0]

    def kill_at_work(self, name: str) -> int:
        """Kill a worker and its child while they run the program; give the program's number."""
        pool = self.pool_process(name)
        at_work: list[int] = []

        def is_at_work() -> bool:
            at_work[:] = children(pool)
            return bool(at_work)

        until = time.monotonic() + 30
        while not is_at_work():
            assert time.monotonic() < until, f"{name} never ran the program"
        worker = self.running.pop(name)
        os.kill(worker.pid, signal.SIGKILL)
        os.kill(pool, signal.SIGKILL)
        worker.wait()
        return at_work[0]

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def driver(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the driver; its output is read by whoever asked for it."""
        command = [sys.executable, "-m", "rdp_triage_worker.driver", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@contextlib.contextmanager
def cluster(folder: Path, binary: str, **environment: str) -> Iterator[Cluster]:
    """Start a broker; the program is run under a name that no other process has."""
    own = folder / MARK
    shutil.copy2(binary, own)
    with Cluster(folder, str(own), environment) as started:
        yield started
    wait_for(lambda: not processes(str(own)), "the end of all runs of the program", 10)
    left = processes(MARK)
    assert not left, f"still alive: {left}"
