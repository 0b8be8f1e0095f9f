from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rdp_triage_worker.results import Store
from rdp_triage_worker.tickets import Input, UnreadableError, digest, listed, safe_name, stage


def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "tickets"
    (folder / "b" / "logs").mkdir(parents=True)
    (folder / "b" / "logs" / "System.evtx").write_bytes(b"ElfFile")
    (folder / "a.zip").write_bytes(b"PK")
    (folder / "Z.zip").write_bytes(b"PK")
    return folder


def test_tickets_are_the_direct_children_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    folder = desk(tmp_path)
    assert [ticket.name for ticket in listed([str(folder)])] == ["Z.zip", "a.zip", "b"]
    url = folder.as_uri()
    remote = listed([url])
    assert [ticket.name for ticket in remote] == ["Z.zip", "a.zip", "b"]
    assert remote[1].path == f"{url}/a.zip"


def test_the_results_are_no_ticket(tmp_path: Path) -> None:
    folder = desk(tmp_path)
    names = [ticket.name for ticket in listed([str(folder)], leave_out=str(folder / "b"))]
    assert names == ["Z.zip", "a.zip"]
    url = folder.as_uri()
    assert [t.name for t in listed([url], leave_out=f"{url}/b/")] == ["Z.zip", "a.zip"]


def test_tickets_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    for child in ("x", "y"):
        (tmp_path / child).mkdir()
        (tmp_path / child / "same.zip").write_bytes(b"")
    names = [t.name for t in listed([str(tmp_path / "x"), str(tmp_path / "y")])]
    assert names == [f"{tmp_path}/x/same.zip", f"{tmp_path}/y/same.zip"]


def test_what_cannot_be_listed_is_named(tmp_path: Path) -> None:
    for nowhere in (str(tmp_path / "no"), (tmp_path / "no").as_uri()):
        with pytest.raises(UnreadableError, match="no"):
            listed([nowhere])


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
    staged = stage(parts, into)
    assert staged == ["./shown.zip", "./1/shown.zip", "./2/b"]
    assert (into / "shown.zip").is_symlink()
    assert (into / "1" / "shown.zip").read_bytes() == b"PK"
    assert (into / "2" / "b" / "logs" / "System.evtx").read_bytes() == b"ElfFile"


def test_what_is_not_there_cannot_be_staged(tmp_path: Path) -> None:
    for number, path in enumerate(["/no/such.zip", "file:///no/such.zip"]):
        into = tmp_path / str(number)
        into.mkdir()
        with pytest.raises(UnreadableError, match=r"such\.zip"):
            stage([Input(path, "such.zip")], into)


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
