from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rdp_triage_worker import scratch
from rdp_triage_worker.options import Options
from rdp_triage_worker.results import Store, file_name, finished, not_analysed, parse
from rdp_triage_worker.settings import Settings
from rdp_triage_worker.tickets import Input, UnreadableError, digest
from rdp_triage_worker.triage import (
    JSON,
    MARKDOWN,
    PAGE,
    TIMELINE,
    Expected,
    Result,
    answerer,
    refuse_question,
    triage,
    version,
)

Program = Callable[[str], str]

# Writes a report as the program does, to the file that --output names.
WRITES = """
for flag in "$@"; do case "$flag" in --output=*) out=${flag#--output=};; esac; done
echo '{"schema_version": 1, "case": {"name": "t", "inputs": []}, "verdict": "no_evidence",
 "summary": "Nothing.", "diagnoses": [], "problems": []}' > "$out"
"""


def run(tmp_path: Path, binary: str, **more: Any) -> Result:
    ticket = tmp_path / "ticket.zip"
    if not ticket.exists():
        ticket.write_bytes(b"PK")
    known: dict[str, Any] = {
        "name": "ticket.zip",
        "options": Options(),
        "settings": Settings(binary=binary, max_time=5.0, grace=1.0),
        "store": Store(str(tmp_path / "results")),
    }
    return triage([Input(str(ticket), "ticket.zip")], **{**known, **more})


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "results").iterdir())


def test_a_report_is_kept_under_a_name_that_depends_on_the_input(
    program: Program, tmp_path: Path
) -> None:
    first = run(tmp_path, program(WRITES))
    assert first.failure is None
    assert files(tmp_path) == [first.files[JSON]]
    (tmp_path / "ticket.zip").write_bytes(b"PK other")
    assert run(tmp_path, program(WRITES)).files != first.files


def test_a_task_that_comes_twice_is_done_once(program: Program, tmp_path: Path) -> None:
    script = program(f"echo run >> {tmp_path}/runs; {WRITES}")
    first, second = run(tmp_path, script), run(tmp_path, script)
    assert (first.reused, second.reused) == (False, True)
    assert second.files == first.files
    assert (tmp_path / "runs").read_text(encoding="ascii") == "run\n"


def test_results_are_not_used_again_for_another_question(program: Program, tmp_path: Path) -> None:
    script = program(WRITES)
    (tmp_path / "rules").mkdir()
    usual = Settings(binary=script, max_time=5.0)
    with_rules = replace(usual, rules=str(tmp_path / "rules"))
    names = {
        run(tmp_path, script, settings=usual).files[JSON],
        run(tmp_path, script, settings=replace(usual, max_time=6.0)).files[JSON],
        run(tmp_path, script, settings=usual, options=Options(error="0x904")).files[JSON],
        run(tmp_path, script, settings=usual, name="another").files[JSON],
        run(tmp_path, script, settings=with_rules).files[JSON],
    }
    (tmp_path / "rules" / "mine.toml").write_text("", encoding="ascii")
    names.add(run(tmp_path, script, settings=with_rules).files[JSON])
    assert len(names) == 6


def test_each_workflow_has_files_of_its_own() -> None:
    names = {file_name("key", ending, w) for ending in (JSON, PAGE) for w in (None, "1", "2")}
    assert len(names) == 6
    assert file_name("key", JSON, "1") == file_name("key", JSON, "1")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'rdp-triage: --error 9x: not an error code' >&2; exit 2",
         "ended with status 2: --error 9x: not an error code"),
        ("echo 'index out of bounds' >&2; exit 101",
         "a fault of this program, please report it: index out of bounds"),
        ("kill -SEGV $$", "ended by SIGSEGV (it may take 4096 MiB of address space)"),
        ("exit 0", "the program ended without a whole report"),
        ("sleep 30", "given up after 1 seconds (--max-time)"),
    ],
)  # fmt: skip
def test_each_way_to_fail_has_its_reason_in_a_report(
    program: Program, tmp_path: Path, script: str, reason: str
) -> None:
    settings = Settings(binary=program(script), max_time=0.5, grace=0.5)
    result = run(tmp_path, settings.binary, settings=settings)
    assert result.failure == reason
    stored = json.loads((tmp_path / "results" / result.files[JSON]).read_bytes())
    assert stored["case"] == {
        "name": "ticket.zip",
        "inputs": ["ticket.zip"],
        "unfinished": reason,
    }
    assert stored["summary"] == f"Not analysed: {reason}"
    assert stored["tool"]["version"] == "9.9.9"


def test_a_failure_is_tried_again(program: Program, tmp_path: Path) -> None:
    script = program(f"test -e {tmp_path}/mended || exit 2; {WRITES}")
    assert run(tmp_path, script).failure
    (tmp_path / "mended").touch()
    again = run(tmp_path, script)
    assert (again.failure, again.reused) == (None, False)
    assert len(files(tmp_path)) == 1


def test_a_report_that_is_there_is_not_replaced_by_a_failure(
    program: Program, tmp_path: Path
) -> None:
    # As where a second worker was given the ticket, and was killed.
    results = tmp_path / "results"
    script = program(f"""
if [ -e {tmp_path}/second ]; then
    cp {tmp_path}/kept {results}/$(cat {tmp_path}/second); kill -KILL $$
fi
{WRITES}""")
    first = run(tmp_path, script)
    report = results / first.files[JSON]
    report.rename(tmp_path / "kept")
    (tmp_path / "second").write_text(first.files[JSON], encoding="ascii")
    second = run(tmp_path, script)
    assert (second.failure, second.reused) == (None, True)
    assert finished(report.read_bytes()) is not None


def test_a_ticket_that_was_changed_since_the_driver_saw_it_has_no_answer(
    program: Program, tmp_path: Path
) -> None:
    ticket = tmp_path / "ticket.zip"
    ticket.write_bytes(b"PK")
    settings = Settings(binary=program(f"echo more >> {ticket}; {WRITES}"), max_time=5.0)
    content = digest([Input(str(ticket), "ticket.zip")])
    seen = Expected(content, answerer(settings, "9.9.9"))
    changed = "the ticket was changed after the driver had looked at it"
    assert run(tmp_path, "", settings=settings, expected=seen).failure == changed, "meanwhile"
    assert run(tmp_path, "", settings=settings, expected=seen).failure == changed, "before"


def test_a_worker_that_is_set_up_otherwise_than_the_driver_says_so(
    program: Program, tmp_path: Path
) -> None:
    ticket = tmp_path / "ticket.zip"
    ticket.write_bytes(b"PK")
    settings = Settings(binary=program(WRITES), max_time=5.0)
    content = digest([Input(str(ticket), "ticket.zip")])
    seen = Expected(content, answerer(replace(settings, max_time=9.0), "9.9.9"))
    failure = run(tmp_path, "", settings=settings, expected=seen).failure
    assert failure is not None
    assert "5 s" in failure
    assert "9 s" in failure


def test_a_program_that_was_replaced_is_asked_for_its_version_again(
    program: Program, tmp_path: Path
) -> None:
    first, second = Path(program("")), Path(program(""))
    second.write_text("#!/bin/sh\necho rdp-triage 10.0\n", encoding="ascii")
    assert version(str(first)) == "9.9.9"
    second.replace(first)
    assert version(str(first)) == "10.0"


def test_folders_of_workers_that_died_are_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "rdp-triage-worker-dead" / "ticket").mkdir(parents=True)
    with scratch.folder() as mine:
        assert scratch.clear() == 1
        assert mine.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_ticket_that_is_gone_is_a_failure_with_its_name(program: Program, tmp_path: Path) -> None:
    known = {
        "name": "gone",
        "options": Options(),
        "settings": Settings(binary=program(WRITES)),
        "store": Store(str(tmp_path / "results")),
    }
    result = triage([Input("/no/such.zip", "gone.zip")], **known)  # type: ignore[arg-type]
    assert result.failure == "no such file or folder: gone.zip"


def test_a_worker_without_the_program_says_so_to_the_driver_and_to_openrelik(
    tmp_path: Path,
) -> None:
    result = run(tmp_path, "/no/such/program", expected=Expected("content", "answerer"))
    assert result.failure is not None
    assert result.failure.startswith("/no/such/program cannot be started: ")
    with pytest.raises(UnreadableError, match="RDP_TRIAGE_BINARY"):
        run(tmp_path, "/no/such/program")


def test_a_question_that_the_program_does_not_understand_is_refused_at_once(binary: str) -> None:
    refuse_question(binary, Options(error="0x904", extended="0x7"))
    with pytest.raises(UnreadableError, match="904x: not an error code"):
        refuse_question(binary, Options(error="904x"))
    with pytest.raises(UnreadableError, match="required arguments"):
        refuse_question(binary, Options(extended="0x7"))


def test_names_that_look_like_options_or_paths_are_names(binary: str, tmp_path: Path) -> None:
    log = tmp_path / "x"
    log.write_bytes(b"nothing")
    for name in ["--help", "-", "../../etc/passwd", "a" * 400 + ".evtx", ".."]:
        result = triage(
            [Input(str(log), name), Input(str(log), name)],
            name=name,
            options=Options(),
            settings=Settings(binary=binary),
            store=Store(str(tmp_path / "results")),
        )
        assert result.failure is None
        assert result.report["case"]["name"] == name
        assert result.report["verdict"] == "no_evidence"


def test_the_real_program_writes_every_form_from_one_reading(
    binary: str, samples: Path, tmp_path: Path
) -> None:
    ticket = samples / "tls-no-shared-cipher"
    result = triage(
        [Input(str(ticket), "ticket 7")],
        name="ticket 7",
        options=Options(html=True, timesketch=True, error="0x904", extended="0x7"),
        settings=Settings(binary=binary),
        store=Store(str(tmp_path)),
        workflow="12",
    )
    assert result.failure is None
    assert result.report["diagnoses"][0]["cause"] == "tls-no-shared-cipher"
    assert result.report["case"]["inputs"] == ["./ticket 7"]
    assert result.report["problems"] == []
    assert set(result.files) == {JSON, PAGE, MARKDOWN, TIMELINE}
    beginnings = {JSON: b"{", PAGE: b"<!", MARKDOWN: b"## ticket 7", TIMELINE: b'{"'}
    for ending, begin in beginnings.items():
        assert (tmp_path / result.files[ending]).read_bytes().lower().startswith(begin), ending


def test_a_report_is_finished_only_when_it_is_whole_and_says_so() -> None:
    whole = not_analysed("a", ["a"], "why", None)
    assert finished(json.dumps(whole).encode()) is None
    del whole["case"]["unfinished"]
    assert finished(json.dumps(whole).encode()) == whole
    assert finished(json.dumps(whole).encode()[:-9]) is None
    for other in [None, b"", b"[]", b"{}", b'{"case": 1, "verdict": "x"}', b"\xff"]:
        assert parse(other) is None


def test_settings_come_from_the_environment_and_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RDP_TRIAGE_ADDRESS_SPACE", "2GiB")
    monkeypatch.setenv("RDP_TRIAGE_MAX_TIME", "7.5")
    settings = Settings.from_environment()
    assert (settings.address_space, settings.max_time) == (2 << 30, 7.5)
    for name, wrong in [("MAX_TIME", "soon"), ("ADDRESS_SPACE", "big"), ("JOBS", "-1")]:
        monkeypatch.setenv(f"RDP_TRIAGE_{name}", wrong)
        with pytest.raises(ValueError, match=f"RDP_TRIAGE_{name}={wrong}"):
            Settings.from_environment()
        monkeypatch.delenv(f"RDP_TRIAGE_{name}")
