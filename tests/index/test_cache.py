"""Caches: exactly the reader's revision, from whatever files there are, and never wrong because of them."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ragkit
from ragkit.index import manifest as cachefile
from ragkit.index.cache import Caches, Snapshot
from ragkit.index.manifest import list_folders
from ragkit.index.policy import LEXICAL_TAIL, SMALL_TAIL
from ragkit.settings import DenseSettings
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Chunk, Document
from tests.support.index_source import DIMENSION, WORDS, FakeSource


def caches_at(folder: Path) -> Caches:
    folder.mkdir(exist_ok=True)
    return Caches(folder, dense=DenseSettings())


def assert_right(snapshot: Snapshot, source: FakeSource) -> None:
    """Compare a snapshot with the source: all ids, and the answers to some questions."""
    assert snapshot.revision == source.revision
    assert snapshot.generation == source.generation
    ids = source.all_chunk_ids()
    assert snapshot.dense.ids().tolist() == ids.tolist()
    assert snapshot.lexical.ids().tolist() == ids.tolist()
    assert len(snapshot.dense) == len(snapshot.lexical) == len(ids)
    if not len(ids):
        return
    rows = source.vectors(ids).astype(np.float16).astype(np.float64)
    for query in rows[:: max(len(rows) // 3, 1)]:
        scores = (rows @ (query / np.linalg.norm(query))).astype(np.float32)
        order = np.lexsort((ids, -scores))[:5]
        found, values = snapshot.dense.search(query.astype(np.float32), 5)
        assert found.tolist() == ids[order].tolist()
        assert values == pytest.approx(scores[order], abs=1e-6)
    for number in ids[:: max(len(ids) // 3, 1)].tolist():
        assert snapshot.lexical.search(f"item{number}", 1)[0].tolist() == [number]
        assert f"item{number}" in snapshot.lexical.terms(np.array([number]))[0].split()


def grown(count: int, *, seed: int = 0) -> FakeSource:
    return FakeSource().next(add=count, seed=seed)


def test_a_snapshot_is_at_exactly_the_readers_revision(tmp_path: Path) -> None:
    caches = caches_at(tmp_path)
    rng = random.Random(1)
    sources = [FakeSource()]
    for step in range(30):
        alive = list(sources[-1].chunks)
        gone = rng.sample(alive, min(len(alive), rng.randrange(0, 6)))
        sources.append(sources[-1].next(add=rng.randrange(0, 40), remove=gone, seed=step))
        assert_right(caches.snapshot(sources[-1]), sources[-1])
        if rng.random() < 0.3:
            caches.persist(sources[-1])
            assert_right(caches.snapshot(sources[-1]), sources[-1])
            assert caches.check(sources[-1]) == []
        if rng.random() < 0.3:
            assert_right(caches.snapshot(sources[-2]), sources[-2])
    assert_right(caches_at(tmp_path).snapshot(sources[-1]), sources[-1])
    assert caches.snapshot(sources[-1]) is caches.snapshot(sources[-1])


def test_files_are_written_when_there_are_none_and_when_much_has_changed(tmp_path: Path) -> None:
    caches = caches_at(tmp_path)
    source = grown(50)
    caches.persist(source)
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "dense")] == [1]
    source = source.next(add=LEXICAL_TAIL)
    caches.persist(source)
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "lexical")] == [1]
    source = source.next(add=1)
    caches.persist(source)
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "lexical")] == [3, 1]
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "dense")] == [1]
    source = source.next(add=SMALL_TAIL)
    caches.persist(source)
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "dense")] == [4, 1]
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "lexical")] == [4, 3]
    assert_right(caches.snapshot(source), source)
    assert_right(caches_at(tmp_path).snapshot(source), source)
    assert caches.size() > 10_000
    caches.close()


def test_files_are_opened_and_not_built_again(tmp_path: Path) -> None:
    source = grown(400)
    caches_at(tmp_path).persist(source)
    source.vectors_read = 0
    assert len(caches_at(tmp_path).snapshot(source).dense) == 400
    assert source.vectors_read < 100


def test_another_process_takes_the_files_that_the_writer_renewed(tmp_path: Path) -> None:
    writer, reader = caches_at(tmp_path), caches_at(tmp_path)
    source = grown(300)
    writer.persist(source)
    reader.snapshot(source)
    for _ in range(3):
        source = source.next(add=LEXICAL_TAIL // 2 + 1, remove=[source.last])
        writer.persist(source)
        assert_right(reader.snapshot(source), source)
    assert reader.snapshot(source).lexical.tail < LEXICAL_TAIL


def test_an_older_reader_is_served_too(tmp_path: Path) -> None:
    first = grown(300)
    second = first.next(add=3)
    caches = caches_at(tmp_path)
    caches.persist(second)
    assert_right(caches.snapshot(first), first)
    assert_right(caches.snapshot(second), second)


def test_an_empty_collection_has_empty_indexes(tmp_path: Path) -> None:
    source = FakeSource()
    source.fingerprint = None
    caches = caches_at(tmp_path)
    snapshot = caches.snapshot(source)
    assert (len(snapshot.dense), len(snapshot.lexical)) == (0, 0)
    caches.persist(source)
    assert caches.check(source) == []
    emptied = grown(3).next(remove=[1, 2, 3])
    assert_right(caches.snapshot(emptied), emptied)
    caches.persist(emptied)


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def flip_in_place(path: Path, rng: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek(rng.randrange(path.stat().st_size))
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 255]))


def cut(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def lengthen(path: Path, rng: random.Random) -> None:
    with path.open("ab") as file:
        file.write(rng.randbytes(rng.randint(1, 64)))


def lose(path: Path, rng: random.Random) -> None:
    path.unlink()


def link_elsewhere(path: Path, rng: random.Random) -> None:
    copy = path.parent.parent / f"{rng.random()}"
    path.rename(copy)
    path.symlink_to(copy)


DAMAGES: list[Callable[[Path, random.Random], None]] = [flip, flip_in_place, cut, lengthen, lose, link_elsewhere]


@pytest.mark.parametrize("first", range(10))
def test_damaged_files_never_give_a_wrong_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture, first: int) -> None:
    source = grown(300 if first == 9 else 200)  # from 256 on a reader writes what it had to build
    good = tmp_path / "good"
    caches_at(good).persist(source)
    later = source.next(add=5, remove=[3, 4])
    rng = random.Random(first)
    refused = 0
    for number in range(30):
        place = tmp_path / f"case{number}"
        shutil.copytree(good, place)
        files = sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size)
        damaged = rng.choice(files)
        rng.choice(DAMAGES)(damaged, rng)
        with caplog.at_level(logging.WARNING, "ragkit"):
            caplog.clear()
            caches = Caches(place, dense=DenseSettings())
            assert_right(caches.snapshot(source), source)
            refused += bool(caplog.records)
            assert len(caplog.records) <= 1
        assert_right(caches.snapshot(later), later)
        if number % 10 == 0:
            caches.persist(later)
            assert_right(Caches(place, dense=DenseSettings()).snapshot(later), later)
        shutil.rmtree(place, ignore_errors=True)  # a thread of tantivy may just be making its lock file there
    assert refused > 15


def test_damaged_codes_never_give_a_wrong_answer(tmp_path: Path) -> None:
    source = grown(1500)
    good = tmp_path / "good"
    good.mkdir()
    Caches(good, dense=DenseSettings("ivf")).persist(source)
    rng = random.Random(11)
    for number in range(12):
        place = tmp_path / f"case{number}"
        shutil.copytree(good, place)
        rng.choice(DAMAGES)(next(place.rglob(rng.choice(["codes.faiss", "rows.faiss"]))), rng)
        assert_right(Caches(place, dense=DenseSettings("ivf")).snapshot(source), source)
    assert_right(Caches(good, dense=DenseSettings("exact")).snapshot(source), source)


def test_damage_after_the_check_is_noticed(tmp_path: Path) -> None:
    source = grown(300)
    caches_at(tmp_path).persist(source)
    rng = random.Random(9)
    for part in ("dense", "lexical"):
        for _ in range(10):
            folder = list_folders(tmp_path / "cache", part)[0][1]
            assert_right(caches_at(tmp_path).snapshot(source), source)  # stamps the files
            files = [path for path in folder.iterdir() if path.suffix not in (".json", ".lock")]
            damaged = rng.choice([path for path in files if path.stat().st_size])
            before = damaged.stat()
            flip_in_place(damaged, rng)
            os.utime(damaged, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert [line for line in caches_at(tmp_path).check(source) if part in line]
            assert_right(caches_at(tmp_path).snapshot(source), source)


def test_caches_of_another_collection_or_time_are_refused(tmp_path: Path) -> None:
    def same_size(identity: str, seed: int) -> FakeSource:
        return FakeSource(identity).next(add=300, seed=seed)

    mine, other = same_size("one", 1), same_size("two", 2)
    caches_at(tmp_path / "mine").persist(mine)
    caches_at(tmp_path / "other").persist(other)
    shutil.rmtree(tmp_path / "mine" / "cache")
    shutil.copytree(tmp_path / "other" / "cache", tmp_path / "mine" / "cache")
    assert_right(caches_at(tmp_path / "mine").snapshot(mine), mine)

    forked = same_size("one", 3)  # the same identity and revision, set back to a backup and gone another way
    caches_at(tmp_path / "forked").persist(mine)
    assert_right(caches_at(tmp_path / "forked").snapshot(forked), forked)

    renamed = caches_at(tmp_path / "renamed")
    renamed.persist(mine)
    for part in ("dense", "lexical"):
        folder = list_folders(tmp_path / "renamed" / "cache", part)[0][1]
        folder.rename(folder.with_name(folder.name.replace("-000000000001-", "-000000000002-")))
    later = mine.next(add=3)
    assert_right(caches_at(tmp_path / "renamed").snapshot(later), later)

    remodelled = FakeSource("one", model="n").next(add=300, seed=4)
    caches_at(tmp_path / "model").persist(mine)
    assert_right(caches_at(tmp_path / "model").snapshot(remodelled), remodelled)


def test_a_collection_that_was_set_back_gets_its_own_files(tmp_path: Path) -> None:
    old = grown(300)
    backup = old
    for step in range(3):
        old = old.next(add=300, seed=step)
        caches_at(tmp_path).persist(old)
    new = backup.next(add=300, seed=9)
    caches_at(tmp_path).persist(new)
    assert {revision for revision, _ in list_folders(tmp_path / "cache", "lexical")} == {2}
    new.vectors_read = 0
    snapshot = caches_at(tmp_path).snapshot(new)
    assert new.vectors_read < 200  # 64 are compared for each folder
    assert_right(snapshot, new)
    for step in range(3):
        new = new.next(add=300, seed=10 + step)
        caches_at(tmp_path).persist(new)
        assert_right(caches_at(tmp_path).snapshot(new), new)


def test_swapped_files_are_refused(tmp_path: Path) -> None:
    first, second = grown(300, seed=1), grown(300, seed=2)
    for name in ("rows.faiss", "ids.i64", "terms-000000.bin", "meta.json", "manifest.json"):
        for source, place in ((first, tmp_path / "a"), (second, tmp_path / "b")):
            shutil.rmtree(place, ignore_errors=True)
            caches_at(place).persist(source)
        one, two = (next((tmp_path / place).rglob(name)) for place in "ab")
        shutil.copyfile(two, one)
        assert_right(caches_at(tmp_path / "a").snapshot(first), first)


@pytest.mark.parametrize("change", [{"format": 99}, {"count": 5}, {"revision": 0}, {"part": "x"}, {"files": {}}])
def test_another_format_is_built_anew(tmp_path: Path, change: dict[str, object]) -> None:
    source = grown(300)
    caches_at(tmp_path).persist(source)
    for path in tmp_path.rglob("manifest.json"):
        body = json.loads(path.read_text())["body"] | change
        path.write_text(json.dumps({"body": body, "sha256": cachefile._digest_of(body)}))
    assert_right(caches_at(tmp_path).snapshot(source), source)


@pytest.mark.parametrize("field", ["lengths", "languages"])
def test_a_fact_that_was_changed_is_not_believed(field: str, tmp_path: Path) -> None:
    source = grown(300)
    caches_at(tmp_path).persist(source)
    expected = caches_at(tmp_path).snapshot(source).lexical
    path = next(path for path in tmp_path.rglob("manifest.json") if path.parent.name.startswith("lexical"))
    whole = json.loads(path.read_text())
    whole["body"]["facts"][field] = {name: 7 * value for name, value in whole["body"]["facts"][field].items()}
    path.write_text(json.dumps(whole))  # the sum of what it says stays as it was
    found = caches_at(tmp_path).snapshot(source)
    assert_right(found, source)
    assert found.lexical.statistics() == expected.statistics()
    assert (tmp_path / "cache").exists()
    assert any("can't be used" in problem for problem in caches_at(tmp_path).check(source)) == path.exists()


def test_an_unknown_revision_is_built_anew(tmp_path: Path) -> None:
    source = grown(300)
    caches_at(tmp_path).persist(source)
    later = source.next(add=2)
    later.floor = 2
    assert_right(caches_at(tmp_path).snapshot(later), later)
    held = caches_at(tmp_path)
    held.snapshot(source)
    assert_right(held.snapshot(later), later)


def test_a_folder_that_cannot_be_made_costs_nothing_but_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("in the way")
    source = grown(300)
    caches = caches_at(tmp_path)
    caches.persist(source)
    assert_right(caches.snapshot(source), source)
    caches.persist(source.next(add=1))
    assert len(caplog.records) == 1


AS_ANOTHER = """
import importlib.util, logging, os, resource, sys
from pathlib import Path
place, what = Path(sys.argv[2]), sys.argv[3]
spec = importlib.util.spec_from_file_location("helpers", sys.argv[1])
helpers = importlib.util.module_from_spec(spec)
sys.modules["helpers"] = helpers
spec.loader.exec_module(helpers)
source = helpers.grown(300)
records = []
handler = logging.Handler()
handler.emit = records.append
logging.getLogger("ragkit").addHandler(handler)
if what == "small":
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
elif os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
caches = helpers.caches_at(place)
source.vectors_read = 0
snapshot = caches.snapshot(source)
print(source.vectors_read < 100, end=" ")
helpers.assert_right(snapshot, source)
later = source.next(add=400)
caches.persist(later)
helpers.assert_right(caches.snapshot(later), later)
print(len(records), sorted(path.name.split("-")[0] for path in (place / "cache").iterdir()))
"""


def as_another(place: Path, what: str) -> str:
    command = [sys.executable, "-c", AS_ANOTHER, __file__, str(place), what]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_files_that_may_only_be_read_are_used(tmp_path: Path) -> None:
    place = tmp_path / "place"
    caches_at(place).persist(grown(300))
    for path in (place, *place.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in list(tmp_path.parents)[:3]:
        if parent.owner() == tmp_path.owner() and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    assert as_another(place, "read-only") == "True 1 ['dense', 'lexical', 'lock']"
    for path in (place, *(path for path in place.rglob("*") if path.is_dir())):
        path.chmod(0o755)


def test_a_disk_that_refuses_costs_nothing_but_time(tmp_path: Path) -> None:
    assert as_another(tmp_path, "small") == "False 1 ['lock']"


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    source = grown(300)
    caches = caches_at(tmp_path)
    left = tmp_path / "cache" / "tmp-1-abcdef"
    left.mkdir(parents=True)
    (left / "index.faiss").write_bytes(b"half")
    caches.persist(source)
    for step in range(4):
        source = source.next(add=LEXICAL_TAIL + 1, seed=step)
        caches.persist(source)
    names = sorted(path.name.split("-")[0] for path in (tmp_path / "cache").iterdir())
    assert names == ["dense", "lexical", "lexical", "lock"] or names == ["dense", "dense", "lexical", "lexical", "lock"]
    assert_right(caches_at(tmp_path).snapshot(source), source)


def test_many_threads_get_right_snapshots(tmp_path: Path) -> None:
    caches = caches_at(tmp_path)
    sources = [grown(300)]
    for step in range(12):
        sources.append(sources[-1].next(add=20, remove=[step + 1], seed=step))
    caches.persist(sources[0])
    errors: list[BaseException] = []

    def read(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for at in range(len(sources)):
                source = sources[max(0, at - rng.randrange(2))]
                assert_right(caches.snapshot(source), source)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for source in sources[1:]:
        caches_at(tmp_path).persist(source)
    for thread in threads:
        thread.join()
    assert errors == []


def test_the_real_store_is_a_source(tmp_path: Path) -> None:
    from ragkit.store.sqlite.store import Store

    embedder = HashEmbedder(DIMENSION)
    folder = tmp_path / "default"
    texts = [f"{WORDS[number % len(WORDS)]} item{number} {WORDS[number % 5]}" for number in range(40)]
    with Store(folder, create=True) as store:
        caches = Caches(folder, dense=DenseSettings())
        for part in (texts[:30], texts[30:]):
            with store.write(kind="ingest", fingerprint=embedder.fingerprint, settings={"chunk": {}}) as writer:
                for text in part:
                    chunk = Chunk(ordinal=0, start=0, end=len(text), text=text, context="", tokens=5)
                    writer.put(Document.from_text(text.split()[1], text), [chunk], embedder.embed_documents([text]))
            with store.read() as reader:
                caches.persist(reader.chunks)
                snapshot = caches.snapshot(reader.chunks)
                assert snapshot.dense.ids().tolist() == reader.chunks.all_chunk_ids().tolist()
                (found,), _ = snapshot.lexical.search("item7", 1)
                assert reader.chunks.rows([int(found)])[int(found)].text == texts[7]
                assert caches.check(reader.chunks) == []


@pytest.mark.parametrize("emptied", [False, True])
def test_a_rebuild_replaces_every_damaged_file(emptied: bool, tmp_path: Path) -> None:
    """What the doctor finds is cured by what it tells to run: also in files that nobody opens any more."""
    documents = [Document.from_text(f"d{number}", f"refund window {number}") for number in range(300)]
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents[:20])
        kb.add(documents)
        if emptied:
            kb.remove([document.source for document in documents])
    files = sorted(path for path in (tmp_path / "collections" / "default" / "cache").rglob("*.*") if path.is_file())
    for file in files:
        damaged = file.read_bytes()[:-1]
        file.unlink()  # a file cut off in place would take memory from a thread of tantivy that still has it mapped
        file.write_bytes(damaged)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        assert not kb.doctor()["ok"]
        kb.rebuild()
        assert kb.doctor()["caches"] == []
        assert len(kb.search("refund window 7")) == (0 if emptied else 5)


def test_a_rebuild_with_another_model_leaves_no_file_of_the_old_one(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add([Document.from_text("d", "refund window")])
        for dimension in (32, 64):
            kb.rebuild(embedder=HashEmbedder(dimension))
            assert kb.doctor()["ok"]
            assert kb.search("refund window")[0].source == "d"
            assert len(list((tmp_path / "collections" / "default" / "cache").glob("dense-*"))) == 1
