"""Locations: a path is SQLite, SCHEME:// is a back end of the table, of this process or of an installed package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

import ragkit
from ragkit.errors import ConfigError, NotFoundError, StoreError
from ragkit.store import opening
from ragkit.store.opening import backend_for, create_collection, open_store, register_backend, scheme_of
from ragkit.store.sqlite.store import Store
from ragkit.testing import FakeChat, HashEmbedder, MemoryBackend, MemoryStore
from ragkit.types.documents import Document

TEXTS = {
    "pay.md": "Salaries are paid on the 25th of each month. A payslip is sent the day before.",
    "leave.md": "Each year has 27 days of leave. Leave that is left over lapses at the end of March.",
    "travel.md": "Train tickets are booked by the office. Night trains are allowed for long journeys.",
}


@pytest.fixture
def memory() -> Iterator[str]:
    """A scheme that keeps collections in memory, for one test."""
    register_backend("memory", MemoryBackend())
    yield "memory://test"
    del opening._BACKENDS["memory"]


@pytest.mark.parametrize(
    ("location", "scheme"),
    [
        ("kb", "sqlite"),
        ("/abs/kb", "sqlite"),
        ("./a:b/c", "sqlite"),
        ("sqlite:///abs/kb", "sqlite"),
        ("postgresql+x://user@host/db", "postgresql+x"),
        (Path("memory://x"), "sqlite"),
        ("://x", "sqlite"),
    ],
)
def test_the_scheme_of_a_location(location: str | Path, scheme: str) -> None:
    assert scheme_of(location) == scheme


def test_a_path_and_a_sqlite_location_are_the_same_folder(tmp_path: Path) -> None:
    create_collection(tmp_path, "one")
    with open_store(f"sqlite://{tmp_path}", "one") as store, open_store(str(tmp_path), "one") as again:
        assert isinstance(store, Store)
        assert store.folder == again.folder == tmp_path / "collections" / "one"
    assert ragkit.list_collections(f"sqlite://{tmp_path}") == ragkit.list_collections(tmp_path) == ["one"]


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no store is installed for nosuch://; .*sqlite"):
        open_store("nosuch://host/db", "default", create=True)
    with pytest.raises(ConfigError, match="nosuch"):
        ragkit.open("nosuch://host/db", embedder=HashEmbedder())


@pytest.mark.parametrize("value", ["ragkit.testing:MemoryBackend", "tests.store.test_opening:INSTALLED"])
def test_an_installed_package_brings_a_back_end(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("installed", value, "ragkit.stores")
    monkeypatch.setattr(opening, "entry_points", lambda **wanted: EntryPoints([point]).select(**wanted))
    monkeypatch.setattr(opening, "_BACKENDS", dict(opening._BACKENDS))
    with open_store("installed://x", "c", create=True) as store:
        assert isinstance(store, MemoryStore)
    assert backend_for("installed://y") is backend_for("installed://x")
    assert backend_for("installed://x").names("installed://x") == ["c"]
    with pytest.raises(ConfigError, match=r"installed, postgres, postgresql, sqlite"):
        backend_for("other://x")


INSTALLED = MemoryBackend()


def test_a_knowledge_base_works_the_same_on_another_store(memory: str, tmp_path: Path) -> None:
    documents = [Document.from_text(source, text, metadata={"size": len(text)}) for source, text in TEXTS.items()]
    chat = FakeChat("Leave lapses at the end of March [1].")
    with (
        ragkit.open(memory, embedder=HashEmbedder(), chat=chat) as other,
        ragkit.open(tmp_path, embedder=HashEmbedder(), chat=chat) as kb,
    ):
        for each in (other, kb):
            assert each.add(documents).added == 3
            assert each.add(documents).unchanged == 3
            each.add(documents[0].from_text("pay.md", "Salaries are paid on the last day of the month."))
            each.remove("travel.md")
        for question in ("When are salaries paid?", "days of leave", "night trains"):
            found, wanted = other.search(question), kb.search(question)
            assert [(hit.source, hit.start, hit.end, hit.text) for hit in found] == [
                (hit.source, hit.start, hit.end, hit.text) for hit in wanted
            ]
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in wanted], abs=0.01)
        where = {"type": "gt", "key": "size", "value": 60}
        assert {hit.source for hit in other.search("leave paid", where=where)} == {"leave.md"}
        assert other.ask("When does leave lapse?").text == kb.ask("When does leave lapse?").text
        assert [item.number for item in other.history()] == [item.number for item in kb.history()]
        assert (other.verify(), other.doctor()["ok"]) == ([], True)
        assert {name for name in other.status() if other.status()[name] == kb.status()[name]} >= {
            "documents",
            "chunks",
            "characters",
            "generation",
            "revision",
            "model",
        }
        assert other.rebuild(chunk=ragkit.ChunkSettings(max_tokens=64)).changed == 2
        with pytest.raises(StoreError, match="in memory"):
            other.backup(tmp_path / "b")
    with ragkit.open(memory, embedder=HashEmbedder(), create=False) as again:
        assert [info.source for info in again.documents()] == ["leave.md", "pay.md"]
        assert again.settings.chunk.max_tokens == 64
    with pytest.raises(NotFoundError):
        ragkit.open(memory, collection="none", embedder=HashEmbedder(), create=False)
