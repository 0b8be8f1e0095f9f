from __future__ import annotations

import ast
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from openrelik_worker_common.task_utils import create_task_result

from rdp_triage_worker.app import celery
from rdp_triage_worker.options import TASK_CONFIG, Options
from rdp_triage_worker.tasks import (
    TASK_METADATA,
    TASK_NAME,
    analyze,
    refuse_to_start_in_vain,
)


def inputs(samples: Path, *causes: str) -> list[dict[str, Any]]:
    files = [next((samples / cause).rglob("*.pcapng")) for cause in causes]
    return [
        {"id": n, "uuid": f"u{n}", "path": str(file), "display_name": f"{cause}.pcapng"}
        for n, (cause, file) in enumerate(zip(causes, files, strict=True))
    ]


def run(binary: str, monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> dict[str, Any]:
    monkeypatch.setenv("RDP_TRIAGE_BINARY", binary)
    result = analyze.run(workflow_id="7", **arguments)
    told: dict[str, Any] = json.loads(base64.b64decode(result))
    return told


def test_the_form_is_what_openrelik_shows() -> None:
    # It is read back from the text that celery gives of a registered task.
    assert ast.literal_eval(str(TASK_METADATA)) == TASK_METADATA
    assert TASK_METADATA["task_config"] == TASK_CONFIG
    for field in TASK_CONFIG:
        assert set(field) == {"name", "label", "description", "type", "required"}
        assert field["type"] in {"text", "textarea", "checkbox"}
        assert field["name"] in Options().task_config()
    assert TASK_NAME.split(".")[0] == celery.conf.task_default_queue
    assert celery.tasks[TASK_NAME].metadata == TASK_METADATA


def test_a_lost_task_is_done_again_by_somebody() -> None:
    conf = celery.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.broker_transport_options["visibility_timeout"] > 3600


def test_every_input_is_a_ticket_with_files_and_a_line(
    binary: str, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs(samples, "tls-no-shared-cipher", "cert-expired")
    given.append({"path": str(tmp_path / "gone.evtx"), "display_name": "gone.evtx", "uuid": "u9"})
    result = run(binary, monkeypatch, input_files=given, output_path=str(tmp_path / "out"))
    names = [file["display_name"] for file in result["output_files"]]
    assert names[:2] == [f"tls-no-shared-cipher.pcapng.rdp-triage{e}" for e in (".json", ".md")]
    assert names[-2:] == [f"gone.evtx.rdp-triage{e}" for e in (".json", ".md")]
    for file in result["output_files"]:
        path = Path(file["path"])
        assert path.read_bytes()
        assert path.name == file["uuid"] + file["extension"]
        assert file["data_type"].startswith("rdp-triage:report:")
    assert [one["input_file_uuid"] for one in result["file_reports"]] == ["u0", "u1", "u9"]
    assert "cipher" in result["file_reports"][0]["summary"]
    why = "no such file or folder: gone.evtx"
    assert result["meta"]["failures"] == [{"ticket": "gone.evtx", "input": "u9", "reason": why}]
    assert result["meta"]["peak_rss"] > 1 << 20
    table = result["task_report"]["content"]
    assert "|tls-no-shared-cipher.pcapng|tls-no-shared-cipher|conclusive|server|" in table
    assert "not finished: no such file or folder: gone.evtx" in table
    assert result["task_report"]["summary"] == "2 diagnosed, 1 not finished"
    # The same task, given again: the same files, and nothing is analysed twice but the failure.
    again = run(binary, monkeypatch, input_files=given, output_path=str(tmp_path / "out"))
    assert again["output_files"] == result["output_files"]
    assert again["meta"]["reused"] == 2


def test_all_inputs_may_be_one_ticket(
    binary: str, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = samples / "tls-no-shared-cipher"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    given = [{"path": str(path), "display_name": path.name, "uuid": path.name} for path in files]
    result = run(
        binary,
        monkeypatch,
        input_files=given,
        output_path=str(tmp_path),
        task_config={"together": True, "html": "true", "error": " 0x904 "},
    )
    assert result["meta"]["tickets"] == 1
    endings = [file["extension"] for file in result["output_files"]]
    assert endings == [".json", ".html", ".md"]
    report = json.loads(Path(result["output_files"][0]["path"]).read_bytes())
    assert report["case"]["name"] == f"{files[0].name} and {len(files) - 1} more"
    assert report["diagnoses"][0]["cause"] == "tls-no-shared-cipher"


def test_only_timelines_are_handed_on_to_timesketch(
    binary: str, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs(samples, "cert-expired")
    (tmp_path / "empty.txt").write_bytes(b"")
    given.append({"path": str(tmp_path / "empty.txt"), "display_name": "empty.txt", "uuid": "u"})
    result = run(
        binary,
        monkeypatch,
        input_files=given,
        output_path=str(tmp_path / "out"),
        task_config={"timesketch": "on"},
    )
    names = [file["display_name"] for file in result["output_files"]]
    assert names == ["cert-expired.pcapng.rdp-triage.jsonl"], "of no evidence there is no timeline"
    assert Path(result["output_files"][0]["path"]).suffix == ".jsonl"
    assert len(result["task_files"]) == 4, "two reports in two forms"


def test_inputs_that_look_alike_have_files_of_their_own(
    binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [{"path": "/no/such", "display_name": "System.evtx", "uuid": u} for u in ("a", "b")]
    result = run(binary, monkeypatch, input_files=given, output_path=str(tmp_path))
    assert len({file["uuid"] for file in result["output_files"]}) == 4
    assert [failure["input"] for failure in result["meta"]["failures"]] == ["a", "b"]


@pytest.mark.parametrize(("name", "value"), [("MAX_TIME", "soon"), ("BINARY", "/no/such/program")])
def test_a_worker_that_could_do_nothing_does_not_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RDP_TRIAGE_{name}", value)
    with pytest.raises(SystemExit, match=name):
        refuse_to_start_in_vain()


def test_inputs_come_from_the_task_before(
    binary: str, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = create_task_result(output_files=inputs(samples, "cert-expired"), workflow_id="7")
    result = run(binary, monkeypatch, pipe_result=before, output_path=str(tmp_path))
    assert result["meta"]["tickets"] == 1


def test_a_task_without_inputs_fails_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="choose event logs"):
        analyze.run(input_files=[], output_path=str(tmp_path))


def test_foreign_names_are_no_markdown(
    binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(b"")
    name = "a|b\n# <script>`[c](javascript:1)"
    given = [{"path": str(tmp_path / "x"), "display_name": name, "uuid": "u"}]
    result = run(binary, monkeypatch, input_files=given, output_path=str(tmp_path / "out"))
    row = result["task_report"]["content"].splitlines()[-1]
    assert row.startswith(r"|a\|b \# \<script\>\`\[c\](javascript:1)|no evidence|")
    gone = [{"path": "/no/such", "display_name": name, "uuid": "u"}]
    result = run(binary, monkeypatch, input_files=gone, output_path=str(tmp_path / "out"))
    assert r"\[c\]" in result["file_reports"][0]["summary"]
    shown = Path(result["output_files"][-1]["path"])
    assert shown.suffix == ".md"
    assert all("[c]" not in line.replace("\\[c\\]", "") for line in shown.read_text().splitlines())
