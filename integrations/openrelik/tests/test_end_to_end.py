"""Two workers, a broker and two hundred tickets, of which some are hostile; and things go wrong."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import cluster, peak_rss, processes, wait_for
from conftest import PROJECT

TICKETS, CORRUPT, BOMBS = 200, 5, 1

# One worker has about 60 MiB, a run of the program with its 256 MiB at most this.
MOST_RSS = 512 << 20

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed"
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the tickets: one more waits for ever whoever opens what is in it."""
    built = [PROJECT / "target" / p / "examples" / "make_load" for p in ("release", "debug")]
    named = os.environ.get("RDP_TRIAGE_MAKE_LOAD")
    maker = named or next((str(path) for path in built if path.exists()), None)
    if maker is None:
        pytest.skip("no tickets: cargo build --example make_load, or set RDP_TRIAGE_MAKE_LOAD")
    folder = tmp_path_factory.mktemp("desk") / "tickets"
    folder.mkdir()
    counts = (str(TICKETS - BOMBS - 1), str(folder), str(CORRUPT), str(BOMBS))
    subprocess.run([maker, "tickets", *counts], check=True)
    assert len(list(folder.iterdir())) == TICKETS
    return folder


def batch(binary: str, *arguments: str) -> bytes:
    """Give what one process prints that does it all alone."""
    environment = {**os.environ, "COLUMNS": "100"}
    command = [binary, "batch", "--quiet", *arguments]
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout


def reports(results: Path) -> list[Path]:
    return list(results.glob("*.json"))


def finish(driver: subprocess.Popen[bytes], seconds: float = 120.0) -> tuple[bytes, str]:
    out, err = driver.communicate(timeout=seconds)
    assert driver.returncode == 0, err.decode()
    return out, err.decode()


def assert_all_are_accounted_for(desk: Path, results: Path) -> None:
    assert len(reports(results)) == TICKETS
    listed = (results / "tickets.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split("\t")[0] for line in listed] == sorted(path.name for path in desk.iterdir())
    by_name = {}
    for line in listed:
        name, file, _ = line.split("\t")
        by_name[name] = json.loads((results / file).read_bytes())
        assert by_name[name]["case"]["name"] == name
    troubled = {name: r["problems"] for name, r in by_name.items() if r["problems"]}
    assert {"bomb-1.zip", "waits-for-ever"} <= set(troubled)
    assert len(troubled) >= CORRUPT + 2
    for name, problems in troubled.items():
        assert all(problem["file"] and problem["message"] for problem in problems), name
    assert not list(results.glob(".*.partial")), "nothing unfinished is left"


def test_all_tickets_are_accounted_for_though_a_worker_is_killed(
    desk: Path, binary: str, tmp_path: Path
) -> None:
    expected = batch(binary, str(desk))
    results = tmp_path / "results"
    peaks: dict[str, int] = {}

    def watch() -> None:
        for pid, command in processes("rdp-triage-under-test").items():
            kind = "worker" if "celery" in command else "program"
            peaks[kind] = max(peaks.get(kind, 0), peak_rss(pid))

    with cluster(tmp_path, binary, RDP_TRIAGE_MAX_TIME="20") as running:
        for name in ("one", "two"):
            running.start_worker(name)
        driver = running.driver(str(desk), f"--output={results}", "--deadline=4", "--window=16")

        def half_way() -> bool:
            watch()
            return len(reports(results)) >= TICKETS // 3

        wait_for(half_way, "a third of the results")
        orphan = running.kill_at_work("one")
        wait_for(lambda: orphan not in processes("rdp-triage-under-test"), "its run to end", 5)
        assert len(reports(results)) < TICKETS * 2 // 3, "it was killed too late to tell anything"
        running.start_worker("one")

        def is_done() -> bool:
            watch()
            return driver.poll() is not None

        wait_for(is_done, "the driver", 120)
        out, err = finish(driver)
        assert out.decode() == expected.decode()
        assert f"{TICKETS} tickets in " in err
        assert "given away again" in err, "the ticket of the killed worker was lost"

    assert_all_are_accounted_for(desk, results)
    assert 0 < peaks["program"] < MOST_RSS, peaks
    assert 0 < peaks["worker"] < MOST_RSS, peaks


def test_an_interrupted_driver_goes_on_and_a_whole_one_asks_nobody(
    desk: Path, binary: str, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    with cluster(tmp_path, binary) as running:
        running.start_worker("one")
        driver = running.driver(str(desk), f"--output={results}", "--window=4")
        wait_for(lambda: len(reports(results)) >= 20, "the first results")
        driver.send_signal(signal.SIGINT)
        _, err = driver.communicate(timeout=30)
        assert driver.returncode == 130, err
        assert b"goes on from here" in err
        out, told = finish(running.driver(str(desk), f"--output={results}"))
        assert " by their results)" in told
        assert out == batch(binary, str(desk))
        # Nobody is there to be asked any more.
        running.stop("one")
        out, told = finish(running.driver(str(desk), f"--output={results}", "--format=json"))
        assert f"({TICKETS} by their results)" in told
        assert out == batch(binary, str(desk), "--format=json")


def test_a_ticket_that_hangs_and_one_that_kills_its_worker_are_told_with_reasons(
    binary: str, samples: Path, tmp_path: Path
) -> None:
    desk = tmp_path / "tickets"
    for name in ("good-1", "good-2", "hangs", "kills"):
        shutil.copytree(samples / "cert-expired", desk / name)
    program = tmp_path / "program"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--name=hangs*) sleep 600 & exec sleep 600;;'
        " *--name=kills*) kill -9 $PPID; sleep 5;; esac\n"
        f'exec {binary} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    limits = {"RDP_TRIAGE_MAX_TIME": "0.5", "RDP_TRIAGE_GRACE": "1.5"}
    with cluster(tmp_path, str(program), **limits) as running:
        running.start_worker("one")
        driver = running.driver(
            str(desk), f"--output={tmp_path / 'results'}", "--deadline=20", "--format=json"
        )
        out, _ = finish(driver)
        cases = {case["name"]: case for case in json.loads(out)["cases"]}
        assert cases["good-1"]["leading"]["cause"] == "cert-expired"
        assert cases["good-2"]["leading"]["cause"] == "cert-expired"
        assert cases["hangs"]["unfinished"] == "given up after 2 seconds (--max-time)"
        assert "3 times a worker was lost" in cases["kills"]["unfinished"]


def test_what_was_known_of_a_ticket_before_it_changed_is_taken_away(
    binary: str, samples: Path, tmp_path: Path
) -> None:
    desk, results = tmp_path / "tickets", tmp_path / "results"
    shutil.copytree(samples / "no-fault-found", desk / "b")
    with cluster(tmp_path, binary) as running:
        running.start_worker("one")
        for cause in ("cert-expired", "tls-no-shared-cipher", "account-disabled"):
            shutil.rmtree(desk / "a", ignore_errors=True)
            shutil.copytree(samples / cause, desk / "a")
            out, told = finish(running.driver(str(desk), f"--output={results}", "--html"))
            assert cause in out.decode()
            assert out == batch(binary, "--merge", str(results))
            assert len(reports(results)) == len(list(results.glob("*.html"))) == 2
        assert "(1 by their results)" in told
        # Two drivers would take each other's results away.
        with (results / ".rdp-triage-driver.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            second = running.driver(str(desk), f"--output={results}")
            _, refused = second.communicate(timeout=60)
            assert second.returncode == 2
            assert b"another driver is at it" in refused


def test_tickets_and_results_may_lie_where_only_urls_lead(
    binary: str, samples: Path, tmp_path: Path
) -> None:
    desk, results = tmp_path / "tickets", tmp_path / "results"
    for name in ("cert-expired", "tls-no-shared-cipher"):
        shutil.copytree(samples / name, desk / name)
    results.mkdir()
    with cluster(tmp_path, binary) as running:
        running.start_worker("one")
        out, _ = finish(running.driver(desk.as_uri(), f"--output={results.as_uri()}"))
        assert out == batch(binary, str(desk))
    assert len(reports(results)) == 2


def test_openrelik_finds_the_task_and_its_form_and_hears_how_far_it_is(
    binary: str, samples: Path, tmp_path: Path
) -> None:
    with cluster(tmp_path, binary) as running:
        running.start_worker("one")
        script = f"""
import ast, re, threading
from pathlib import Path
from rdp_triage_worker.app import celery
from rdp_triage_worker.tasks import TASK_METADATA, TASK_NAME
(tasks,) = celery.control.inspect().registered("metadata").values()
(task,) = [task for task in tasks if task.startswith(TASK_NAME)]
assert ast.literal_eval(re.search("({{.+}})", task).group(0)) == TASK_METADATA, task
path = next(Path({str(samples)!r}, "cert-expired").rglob("*.pcapng"))
heard = []
listening, all_heard = threading.Event(), threading.Event()
def hear(event):
    heard.append(event["data"])
    if event["data"]["done"] == event["data"]["of"]:
        all_heard.set()
def listen():
    with celery.connection() as connection:
        receiver = celery.events.Receiver(connection, handlers={{"task-progress": hear}})
        with receiver.consumer_context() as (own, _, _):
            listening.set()
            while not all_heard.is_set():
                own.drain_events(timeout=30)
celery.control.enable_events()
threading.Thread(target=listen, daemon=True).start()
assert listening.wait(10)
sent = celery.send_task(TASK_NAME, kwargs=dict(
    input_files=[dict(path=str(path), display_name="a.pcapng", uuid="u")],
    output_path={str(tmp_path / "out")!r}, workflow_id="7"))
assert sent.get(timeout=30)
assert all_heard.wait(10), heard
assert heard == [dict(done=0, of=1, at="a.pcapng"), dict(done=1, of=1, at=None)], heard
"""
        told = subprocess.run(
            [sys.executable, "-c", script],
            env=running.env,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert told.returncode == 0, told.stderr


def test_without_a_broker_the_driver_says_so(binary: str, samples: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "RDP_TRIAGE_BINARY": binary, "REDIS_URL": "redis://127.0.0.1:1/0"}
    script = Path(sys.executable).parent / "rdp_triage_driver"
    command = [str(script), str(samples), f"--output={tmp_path / 'results'}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert "redis://127.0.0.1:1/0" in done.stderr
    for url in ("redis://:my/secret@127.0.0.1", "nosuch://u:secret@127.0.0.1"):
        done = subprocess.run(
            [*command, f"--broker={url}"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        assert done.returncode == 2
        assert "broker's URL cannot be used" in done.stderr
        assert "secret" not in done.stderr
        assert "my" not in done.stderr
    assert "Traceback" not in done.stderr
