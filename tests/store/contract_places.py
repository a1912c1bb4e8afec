"""The contract of a store: filters, files, and the collections of a place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import (
    ConflictError,
    InputError,
    LockedError,
    NotFoundError,
)
from ragkit.store.base import Store
from ragkit.store.filters import parse_filter
from ragkit.types.documents import Chunk, Document, Page
from tests.store.contract import Place, condition, file_of, picture, put, writing
from tests.support.store_fakes import EMBEDDER, cut

METADATA: dict[str, dict[str, Any]] = {
    "alpha": {"n": 7, "s": "kiwi", "tags": ("red", 4, None), "b": True},
    "beta": {"n": 7.5, "s": "Kiwi", "tags": ("blue",), "b": False},
    "gamma": {"n": "7", "s": "żółć", "tags": (), "none": None},
    "delta": {"n": 3 * 10**25, "s": "", "b": 1, 'o"dd.$[1] %_': "yes"},
    "epsilon": {"n": -math.pi, "tags": (True, 2.25)},
    "no metadata": {},
}


class PlaceContract:
    """The tests. A class that inherits them has a fixture `place: Place`."""

    @pytest.fixture
    def store(self, place: Place) -> Iterator[Store]:
        with place.open() as opened:
            yield opened

    # ------------------------------------------------------------------ filters

    @pytest.mark.parametrize(
        ("where", "names"),
        [
            (condition("eq", "n", 7), "alpha"),
            (condition("eq", "n", 7.0), "alpha"),
            (condition("eq", "n", "7"), "gamma"),
            (condition("eq", "b", True), "alpha"),
            (condition("eq", "b", 1), "delta"),
            (condition("eq", "none", None), "gamma"),
            (condition("ne", "n", 7), "beta gamma delta epsilon rest"),
            (condition("ne", "missing", 1), "alpha beta gamma delta epsilon rest"),
            (condition("gt", "n", 7), "beta delta"),
            (condition("gte", "n", 7), "alpha beta delta"),
            (condition("lt", "n", 0), "epsilon"),
            (condition("lte", "n", 7.5), "alpha beta epsilon"),
            (condition("lt", "s", "kiwi"), "beta delta"),
            (condition("gt", "s", "kiwi"), "gamma"),
            (condition("eq", "tags", "red"), "alpha"),
            (condition("eq", "tags", None), "alpha"),
            (condition("gt", "tags", 2), "alpha epsilon"),
            (condition("in", "n", [7, "7", -1]), "alpha gamma"),
            (condition("in", "n", []), ""),
            (condition("nin", "n", []), "alpha beta gamma delta epsilon rest"),
            (condition("nin", "tags", ["red", "blue"]), "gamma delta epsilon rest"),
            (condition("eq", 'o"dd.$[1] %_', "yes"), "delta"),
            (condition("eq", "source", "no metadata"), "rest"),
            (condition("gt", "source", "delta"), "epsilon gamma rest"),
            (condition("in", "media_type", ["text/html", "text/plain"]), "alpha beta gamma delta epsilon rest"),
            (condition("eq", "title", "title"), ""),
            (condition("gt", "time", "2020-01-01"), "alpha beta gamma delta epsilon rest"),
            (condition("lt", "time", 0), ""),
            (condition("before", "time", "2020"), ""),
            (condition("after", "time", "2020-02"), "alpha beta gamma delta epsilon rest"),
            (condition("prefix", "source", "no "), "rest"),
            (condition("prefix", "source", ["al", "be"]), "alpha beta"),
            (condition("glob", "source", "?e*a"), "beta delta"),
            (condition("glob", "source", "[ab]*"), ""),
            (condition("contains", "source", "eta"), "beta rest"),
            (condition("contains", "tags", "re"), "alpha"),
            (condition("prefix", "tags", "re"), "alpha"),
            (condition("contains", "n", "7"), "gamma"),
            (condition("contains", "source", []), ""),
            (condition("prefix", "source", [*(f"{n}-" for n in range(5_000)), "al"]), "alpha"),
            (condition("contains", "tags", [*(f"{n}-" for n in range(5_000)), "re"]), "alpha"),
            (condition("glob", "source", [*(f"[{n}]*" for n in range(5_000)), "*eta*"]), "beta rest"),
            ({"type": "and", "filters": [condition("gt", "n", 0), condition("ne", "b", True)]}, "beta delta"),
            ({"type": "or", "filters": [condition("eq", "n", 7), condition("eq", "s", "")]}, "alpha delta"),
        ],
    )
    def test_filters_select_documents(self, store: Store, where: dict[str, Any], names: str) -> None:
        put(store, *(cut(name, [f"{name} one", f"{name} two"], metadata=data) for name, data in METADATA.items()))
        wanted = {"no metadata" if name == "rest" else name for name in names.split()}
        parsed = parse_filter(where)
        assert parsed is not None
        with store.read() as reader:
            ids = reader.chunks.select(parsed)
            assert ids.dtype == np.int64
            assert ids.tolist() == sorted(ids.tolist())
            assert reader.chunks.count(parsed) == len(ids) == 2 * len(wanted)
            documents = reader.documents.rows(sorted(set(reader.chunks.documents_of(ids))))
            assert {item.source for item in documents.values()} == wanted

    @pytest.mark.parametrize(
        ("operator", "value", "names"),
        [
            ("before", "2026-03-05", "march1 yearly2025 monthly"),
            ("before", "2026-03", "yearly2025"),
            ("before", "2026", "yearly2025"),
            ("after", "2026-03-05", "may timed2"),
            ("after", "2026-03-05T09:00", "may timed1 timed2"),
            ("after", "2026-03", "may"),
            ("after", "2025", "march1 march5 may monthly timed1 timed2"),
            ("after", "9999-12-31", ""),
        ],
    )
    def test_filters_compare_dates_of_metadata(self, store: Store, operator: str, value: str, names: str) -> None:
        dates = {
            "march1": "2026-03-01",
            "march5": "2026-03-05",
            "may": "2026-05-17",
            "yearly2025": "2025",
            "monthly": "2026-03",
            "timed1": "2026-03-05T17:30:00Z",
            "timed2": "2026-03-06T00:00:00Z",
            "prose": "zuletzt im Mai",
            "figures": "2026035",
        }
        put(store, *(cut(name, [name], metadata={"published": day}) for name, day in dates.items()))
        parsed = parse_filter(condition(operator, "published", value))
        assert parsed is not None
        with store.read() as reader:
            ids = reader.chunks.select(parsed)
            documents = reader.documents.rows(sorted(set(reader.chunks.documents_of(ids))))
            assert {item.source for item in documents.values()} == set(names.split())

    def test_metadata_keys(self, store: Store) -> None:
        with store.read() as reader:
            assert reader.documents.metadata_keys() == []
        put(store, cut("x", ["x"], metadata={"zone": 1, "author": "Ida"}), cut("y", ["y"], metadata={"zone": (2, 3)}))
        with store.read() as reader:
            assert reader.documents.metadata_keys() == ["author", "zone"]

    @pytest.mark.parametrize(
        ("operator", "value", "ordinals"),
        [
            ("eq", 2, [1]),
            ("ne", 2, [0, 2, 3]),
            ("gt", 1, [1, 2]),
            ("gte", 3, [2]),
            ("lt", 2, [0]),
            ("lte", 2, [0, 1]),
            ("in", [1, 3, 9], [0, 2]),
            ("nin", [1, 3, 9], [1, 3]),
        ],
    )
    def test_filters_select_pages(self, store: Store, operator: str, value: Any, ordinals: list[int]) -> None:
        put(store, cut("paged", ["one", "two", "three"]), cut("plain", ["none"], paged=False))
        parsed = parse_filter(condition(operator, "page", value))
        assert parsed is not None
        with store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            assert reader.chunks.select(parsed).tolist() == ids[ordinals].tolist()
            assert reader.chunks.count(parsed) == len(ordinals)

    @pytest.mark.parametrize(
        ("operator", "value", "found"),
        [
            ("gt", 2, True),
            ("gt", 3, False),
            ("lt", 3, True),
            ("lt", 2, False),
            ("gte", 3, True),
            ("lte", 2, True),
            ("eq", 3, True),
            ("eq", 1, False),
            ("ne", 3, False),
            ("in", [1, 2], True),
        ],
    )
    def test_a_chunk_over_a_page_break_is_on_both_pages(
        self, store: Store, operator: str, value: Any, found: bool
    ) -> None:
        text = "first page, second page, third page"
        document = Document(source="a", text=text, pages=(Page(0, None), Page(12, "ii"), Page(25, None)))
        chunk = Chunk(ordinal=0, start=14, end=30, text=text[14:30], context="", tokens=3, page=2, page_end=3)
        with writing(store) as writer:
            writer.put(document, [chunk], EMBEDDER.embed_documents([chunk.embedded]))
        parsed = parse_filter(condition(operator, "page", value))
        assert parsed is not None
        with store.read() as reader:
            assert len(reader.chunks.select(parsed)) == reader.chunks.count(parsed) == int(found)

    def test_a_filter_on_the_time_of_storing(self, store: Store) -> None:
        put(store, cut("a"))
        with store.read() as reader:
            moment = datetime.fromisoformat(reader.documents.info("a").updated_at)
        for shift, operator, count in ((-1, "gt", 3), (-1, "lt", 0), (1, "lt", 3), (1, "gte", 0)):
            at = (moment + timedelta(seconds=shift)).astimezone(UTC).isoformat()
            parsed = parse_filter(condition(operator, "time", at))
            assert parsed is not None
            with store.read() as reader:
                assert reader.chunks.count(parsed) == count

    # ------------------------------------------------------------------ files

    def test_files_are_remembered(self, store: Store) -> None:
        odd = file_of("a", b"na\xffme", root="/r\udcff", reason="damaged", detail="ü\udcff")
        with writing(store) as writer:
            cut("a").put(writer)
            cut("b").put(writer)
            before = writer.generation
            writer.record_file(file_of("a"))
            writer.record_file(file_of("b", b"b.txt"))
            writer.record_file(odd)
            writer.forget_file("/docs", b"none")
            writer.flush()
            with pytest.raises(InputError):
                writer.record_file(file_of("\ud800"))
            assert writer.generation == before
        with store.read() as reader:
            assert reader.files.roots() == sorted(["/docs", "/r\udcff"])
            assert reader.files.below("/docs") == {b"a.txt": file_of("a"), b"b.txt": file_of("b", b"b.txt")}
            assert reader.files.below("/r\udcff") == {b"na\xffme": replace(odd, detail="ü\\udcff")}
            assert reader.files.below("/none") == {}
            assert reader.files.of("a") == [file_of("a"), replace(odd, detail="ü\\udcff")]
            assert reader.files.of("b") == [file_of("b", b"b.txt")]
            assert reader.files.of("") == []
            assert reader.revision == 2
        with writing(store) as writer:
            writer.forget_file("/docs", b"a.txt")
            writer.rename("b", "c")
        with store.read() as reader:
            assert reader.files.roots() == ["/r\udcff"]
        with writing(store) as writer:
            writer.remove("a")
        with store.read() as reader:
            assert reader.files.roots() == []

    def test_a_file_comes_with_its_document(self, store: Store) -> None:
        item = cut("a")
        state = file_of("a")
        with writing(store) as writer:
            assert writer.put(item.document, item.chunks, item.vectors, file=state) == "added"
            assert writer.put(item.document, item.chunks, item.vectors, file=replace(state, size=9)) == "unchanged"
        with store.read() as reader:
            assert reader.files.below("/docs") == {b"a.txt": replace(state, size=9)}
            assert reader.revision == 1

    def test_verify_looks_at_the_files(self, store: Store, tmp_path: Path) -> None:
        import hashlib

        folder = tmp_path / "docs"
        folder.mkdir()
        for name in ("same", "changed", "deleted"):
            (folder / name).write_bytes(name.encode())
        with writing(store) as writer:
            for name in ("same", "changed", "deleted"):
                digest = hashlib.sha256(name.encode()).hexdigest()
                cut(name).put(writer)
                writer.record_file(file_of(name, name.encode(), root=str(folder), sha256=digest))
            cut("elsewhere").put(writer)
            writer.record_file(file_of("elsewhere", b"x", root=str(tmp_path / "none")))
        (folder / "changed").write_bytes(b"other")
        (folder / "deleted").unlink()
        found = {(problem.kind, problem.source) for problem in store.verify()}
        assert found == {("file", "changed"), ("file", "deleted")}

    # ------------------------------------------------------------------ collections

    def test_collections_of_a_place(self, place: Place) -> None:
        backend, location = place.backend, place.location
        assert backend.names(location) == []
        with pytest.raises(NotFoundError):
            backend.open(location, "one")
        for name in ("two", "one"):
            backend.create(location, name)
        assert backend.names(location) == ["one", "two"]
        with pytest.raises(ConflictError):
            backend.create(location, "one")
        for bad in ("", "../x", "A", "a b", "x" * 64, "ä"):
            for call in (backend.create, backend.open, backend.delete):
                with pytest.raises(InputError):
                    call(location, bad)
        with backend.open(location, "one") as one, backend.open(location, "two") as two:
            put(one, cut("a"))
            assert (one.name, picture(two)["documents"]) == ("one", [])
            assert picture(one)["state"][0] != picture(two)["state"][0]
            assert one.size() > 0
            with writing(one), pytest.raises(LockedError):
                backend.delete(location, "one")
            backend.delete(location, "one")
            with pytest.raises(NotFoundError), one.read():
                pass
            with pytest.raises(NotFoundError), writing(one):
                pass
        assert backend.names(location) == ["two"]
        with pytest.raises(NotFoundError):
            backend.delete(location, "one")

    def test_what_is_stored_stays(self, place: Place) -> None:
        with place.open("kept") as store:
            put(store, cut("a"), cut("b"))
            before = picture(store)
        with place.open("kept", create=False) as again:
            assert picture(again) == before
            assert again.verify() == []
            report = again.doctor()
            assert (report["problems"], report["documents"], report["chunks"]) == ([], 2, 6)
