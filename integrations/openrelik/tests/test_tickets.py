from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rdp_triage_worker.results import Store
from rdp_triage_worker.tickets import (
    Input,
    UnreadableError,
    _refused,
    digest,
    listed,
    safe_name,
    stage,
)


def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "tickets"
    (folder / "b" / "logs").mkdir(parents=True)
    (folder / "b" / "logs" / "System.evtx").write_bytes(b"ElfFile")
    (folder / "a.zip").write_bytes(b"PK")
    (folder / "Z.zip").write_bytes(b"PK")
    return folder


def test_tickets_are_the_direct_children_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    folder = desk(tmp_path)
    assert [ticket.name for ticket in listed([str(folder)], "/results")] == ["Z.zip", "a.zip", "b"]
    url = folder.as_uri()
    remote = listed([url], "/results")
    assert [ticket.name for ticket in remote] == ["Z.zip", "a.zip", "b"]
    assert remote[1].path == f"{url}/a.zip"


def test_the_results_are_no_ticket(tmp_path: Path) -> None:
    folder = desk(tmp_path)
    names = [ticket.name for ticket in listed([str(folder)], output=str(folder / "b"))]
    assert names == ["Z.zip", "a.zip"]
    url = folder.as_uri()
    assert [t.name for t in listed([url], output=f"{url}/b/")] == ["Z.zip", "a.zip"]


def test_tickets_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    for child in ("x", "y"):
        (tmp_path / child).mkdir()
        (tmp_path / child / "same.zip").write_bytes(b"")
    names = [t.name for t in listed([str(tmp_path / "x"), str(tmp_path / "y")], "/results")]
    assert names == [f"{tmp_path}/x/same.zip", f"{tmp_path}/y/same.zip"]


def test_results_never_lie_among_or_in_the_tickets(tmp_path: Path) -> None:
    folder = desk(tmp_path)
    for output in (folder, folder / "b" / "results"):
        with pytest.raises(UnreadableError, match="choose another --output"):
            listed([str(folder)], str(output))
    with pytest.raises(UnreadableError, match="choose another --output"):
        listed([folder.as_uri()], folder.as_uri() + "/")


def test_links_in_circles_are_tickets_like_others(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert [ticket.name for ticket in listed([str(tmp_path)], "/results")] == ["a", "b"]


def test_names_that_are_no_text_are_shown_as_such_and_told_apart(tmp_path: Path) -> None:
    for name in (b"bad\xff", b"bad\xfe", b"one\xff"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    names = [ticket.name for ticket in listed([str(tmp_path)], "/results")]
    bad = f"{tmp_path}/bad\N{REPLACEMENT CHARACTER}"
    assert names == [f"{bad} (1)", f"{bad} (2)", "one\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize("url", ["nosuch://x/y", "file:///no/such", "github://x"])
def test_whatever_is_wrong_with_a_url_is_told_in_one_way(url: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be fetched"):
        stage([Input(url, "t")], tmp_path, 1 << 20)


def test_what_is_too_large_or_leads_out_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "big.zip").write_bytes(b"x" * 1000)
    with pytest.raises(UnreadableError, match="RDP_TRIAGE_MAX_FETCH allows 999"):
        stage([Input((tmp_path / "big.zip").as_uri(), "t")], tmp_path, 999)
    assert "leads out" in str(_refused({"desk/t/../../evil": {"size": 1}}, 999))


def test_no_name_of_a_part_is_the_way_into_another(tmp_path: Path) -> None:
    evidence, into = tmp_path / "evidence", tmp_path / "into"
    evidence.mkdir()
    into.mkdir()
    (tmp_path / "x.evtx").write_bytes(b"")
    names = ["1", "part-1", "part-0"]
    parts = [Input(str(evidence), name) for name in names]
    stage([*parts, Input(str(tmp_path / "x.evtx"), "x.evtx")], into, 1 << 20)
    assert list(evidence.iterdir()) == []


def test_what_cannot_be_listed_is_named(tmp_path: Path) -> None:
    for nowhere in (str(tmp_path / "nowhere"), (tmp_path / "nowhere").as_uri()):
        with pytest.raises(UnreadableError, match="nowhere"):
            listed([nowhere], "/results")


def test_the_hash_of_a_ticket_is_of_its_content(tmp_path: Path) -> None:
    folder = desk(tmp_path)

    def of(name: str) -> str:
        return digest([Input(str(folder / name), name)])

    before = {name: of(name) for name in ("a.zip", "b")}
    assert of("a.zip") != of("Z.zip"), "names are part of it"
    os.utime(folder / "a.zip", (1, 1))
    assert of("a.zip") == before["a.zip"]
    (folder / "b" / "logs" / "System.evtx").write_bytes(b"ElfFilf")
    assert of("b") != before["b"]


def test_no_name_reads_like_several(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (two / "a").write_bytes(b"1")
    (two / "b").write_bytes(b"2")
    (one / f"a\0{hashlib.sha256(b'1').hexdigest()}\nb".replace("\0", " ")).write_bytes(b"2")
    assert digest([Input(str(one), "t")]) != digest([Input(str(two), "t")])
    assert digest([Input(str(one), "x"), Input(str(two), "y")]) != digest(
        [Input(str(two), "x"), Input(str(one), "y")]
    )


def test_a_pipe_is_hashed_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "System.evtx")
    assert digest([Input(str(tmp_path), "t")])
    assert digest([Input(str(tmp_path / "System.evtx"), "t")])


def test_what_lies_here_is_linked_and_what_lies_elsewhere_is_fetched(tmp_path: Path) -> None:
    folder, into = desk(tmp_path), tmp_path / "into"
    into.mkdir()
    parts = [
        Input(str(folder / "a.zip"), "shown.zip"),
        Input((folder / "Z.zip").as_uri(), "shown.zip"),
        Input((folder / "b").as_uri(), "b"),
    ]
    staged = stage(parts, into, 1 << 20)
    assert staged == ["./part-0/shown.zip", "./part-1/shown.zip", "./part-2/b"]
    assert (into / "part-0" / "shown.zip").is_symlink()
    assert (into / "part-1" / "shown.zip").read_bytes() == b"PK"
    assert (into / "part-2" / "b" / "logs" / "System.evtx").read_bytes() == b"ElfFile"


def test_what_is_not_there_cannot_be_staged(tmp_path: Path) -> None:
    for number, path in enumerate(["/no/such.zip", "file:///no/such.zip"]):
        into = tmp_path / str(number)
        into.mkdir()
        with pytest.raises(UnreadableError, match=r"such\.zip"):
            stage([Input(path, "such.zip")], into, 1 << 20)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "x" * 300, "ä" * 200, "a\0b"])
def test_every_name_becomes_one_of_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / safe_name(name)).write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_store_shows_whole_files_only_wherever_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"one")
    for place in (str(tmp_path / "results"), "memory://results"):
        store = Store(place)
        assert not store.has("a.json")
        assert store.read("a.json") is None
        store.write("a.json", source)
        assert store.has("a.json")
        store.put("a.json", b"two")
        assert store.read("a.json") == b"two"
        store.remove("a.json")
        store.remove("a.json")
        assert not store.has("a.json")
    assert list((tmp_path / "results").iterdir()) == []


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "results"))
    with pytest.raises(OSError, match="gone"):
        store.write("a.json", tmp_path / "gone")
    assert list((tmp_path / "results").iterdir()) == []
