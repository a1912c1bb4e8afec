"""Damaged caches: flip, cut, swap and relabel the files of real collections, and compare every answer.

python -m tests.faults.damage --cases 300
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ragkit
from ragkit import Document
from ragkit.index.cache import Caches
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.part import LexicalPart
from ragkit.index.manifest import MANIFEST, STAMP, _digest_of, list_folders
from ragkit.settings import DenseSettings
from ragkit.store.sqlite.store import Store
from tests.faults.checker import wrong_answers
from tests.faults.workload import SETTINGS, embedder, text_of

Damage = Callable[["Place", random.Random], None]


@dataclass(slots=True)
class Place:
    """The folder whose caches are damaged, and others to take files from."""

    cache: Path
    others: list[Path]

    def files(self, *, seals: bool = True) -> list[Path]:
        """Return all files with something in them."""
        found = [path for path in self.cache.rglob("*") if path.is_file() and path.stat().st_size]
        return sorted(path for path in found if seals or path.name not in (MANIFEST, STAMP))


@dataclass(slots=True)
class Tally:
    """cases by damage; noticed: how often a line was logged; wrong: what was wrong."""

    cases: Counter[str] = field(default_factory=Counter)
    noticed: int = 0
    answers: int = 0
    wrong: list[str] = field(default_factory=list)


def flip(place: Place, chance: random.Random) -> None:
    """Flip bits anywhere in one file, in place, so that its times alone tell."""
    path = chance.choice(place.files())
    with path.open("r+b") as file:
        for _ in range(chance.choice((1, 1, 2, 8, 64))):
            file.seek(chance.randrange(path.stat().st_size))
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1 << chance.randrange(8)]))


def flip_unseen(place: Place, chance: random.Random) -> None:
    """Flip bits and set the time back."""
    path = chance.choice(place.files(seals=False))
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def cut(place: Place, chance: random.Random) -> None:
    """Cut a file off."""
    path = chance.choice(place.files())
    os.truncate(path, chance.randrange(path.stat().st_size))


def zero(place: Place, chance: random.Random) -> None:
    """Make a block of a file zero, as a power cut does."""
    path = chance.choice(place.files())
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    data[at : at + 512] = bytes(len(data[at : at + 512]))
    path.write_bytes(data)


def lose(place: Place, chance: random.Random) -> None:
    """Lose a file."""
    chance.choice(place.files()).unlink()


def swap_files(place: Place, chance: random.Random) -> None:
    """Exchange two files of the same folder."""
    one, two = chance.sample(place.files(), 2)
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


def foreign_file(place: Place, chance: random.Random) -> None:
    """Take one file from another collection or another time."""
    path = chance.choice(place.files())
    given = sorted(item for item in chance.choice(place.others).rglob(f"*{path.suffix}") if item.is_file())
    shutil.copyfile(chance.choice(given), path)


def foreign_folder(place: Place, chance: random.Random) -> None:
    """Take a whole part from another collection or another time, under the name of this one's."""
    part = chance.choice(("dense", "lexical"))
    mine = list_folders(place.cache, part)[0][1]
    given = chance.choice(list_folders(chance.choice(place.others), part))[1]
    shutil.rmtree(mine)
    shutil.copytree(given, mine)


def foreign_cache(place: Place, chance: random.Random) -> None:
    """Take the whole cache from another collection or another time."""
    shutil.rmtree(place.cache)
    shutil.copytree(chance.choice(place.others), place.cache)


def relabel(place: Place, chance: random.Random) -> None:
    """Change one word of a manifest and seal it again: another version, revision, part, owner, count."""
    path = chance.choice([path for path in place.files() if path.name == MANIFEST])
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())["body"]
        owner: dict[str, Any] = body["owner"]
    except (ValueError, KeyError, TypeError):  # damaged already
        return
    key = chance.choice(("format", "revision", "part", "dimension", "collection", "fingerprint", "count"))
    target = owner if key in owner else body
    target[key] = target[key] + 1 if isinstance(target[key], int) else f"{target[key]}x"
    path.write_text(json.dumps({"body": body, "sha256": _digest_of(body)}))


DAMAGES: tuple[Damage, ...] = (
    flip, flip_unseen, cut, zero, lose, swap_files, foreign_file, foreign_folder, foreign_cache, relabel,
)  # fmt: skip


def make(folder: Path, seed: int, *, documents: int, generations: int) -> list[Path]:
    """Make a collection in `folder`, some generations old; return copies of its cache at each of them."""
    kept = []
    with ragkit.open(folder, embedder=embedder(), settings=SETTINGS) as kb:
        for number in range(generations):
            names = [f"s{seed}d{item}" for item in range(documents + number)]
            kb.add(Document(source=name, text=text_of(name, number if name.endswith("1") else 0)) for name in names)
            kept.append(folder / f"kept{number}")
            shutil.copytree(folder / "collections" / "default" / "cache", kept[-1])
    return kept


def damage(folder: Path, cases: int, *, seed: int = 0) -> Tally:
    """Damage the caches of three collections in turn; every case is one damage, or several at once."""
    tally = Tally()
    sizes = (8, 9, 90)  # the last is written anew by readers too
    kept = {size: make(folder / str(size), size, documents=size, generations=3) for size in sizes}
    fresh = {size: _made_anew(folder / str(size)) for size in sizes}
    heard: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign, assignment]
    log = logging.getLogger("ragkit")
    log.addHandler(handler)
    log.propagate = False
    try:
        for number in range(cases):
            size = sizes[number % 2] if number % 15 else 90
            others = [path for item in sizes if item != 90 or size == 90 for path in kept[item][:-1]]
            chance = random.Random(f"{seed}/{number}")
            heard.clear()
            chosen = [DAMAGES[number % len(DAMAGES)], *chance.sample(DAMAGES, chance.choice((0, 0, 0, 1, 2)))]
            _one(Case(folder / str(size), kept[size][-1], fresh[size]), others, chosen, chance, tally)
            tally.noticed += bool(heard)
    finally:
        log.removeHandler(handler)
        log.propagate = True
    return tally


@dataclass(frozen=True, slots=True)
class Case:
    """A collection, a whole copy of its cache, and a lexical index made anew from its rows."""

    data: Path
    good: Path
    fresh: LexicalIndex


def _made_anew(data: Path) -> LexicalIndex:
    with Store(data / "collections" / "default") as store, store.read() as reader:
        return LexicalPart().in_memory(reader.chunks)


def _one(case: Case, others: list[Path], chosen: list[Damage], chance: random.Random, tally: Tally) -> None:
    folder = case.data / "collections" / "default"
    shutil.rmtree(folder / "cache")
    shutil.copytree(case.good, folder / "cache")
    place = Place(folder / "cache", others)
    for item in chosen:
        whole = all(list_folders(place.cache, part) for part in ("dense", "lexical"))
        if whole and len(place.files(seals=False)) > 2 and any(path.name == MANIFEST for path in place.files()):
            item(place, chance)
            tally.cases[item.__name__] += 1
    with Store(folder) as store, store.read() as reader:
        caches = Caches(folder, dense=DenseSettings())
        for round_ in ("at once", "after persist"):
            tally.answers += 3 * min(len(reader.chunks.all_chunk_ids()), 4)
            held = caches if round_ == "at once" else None
            wrong = wrong_answers(folder, reader, caches=held, made_anew=case.fresh)
            tally.wrong += [f"{'+'.join(item.__name__ for item in chosen)} {round_}: {line}" for line in wrong]
            caches.persist(reader.chunks)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from tests.faults.loop import scratch

    folder = scratch()
    try:
        tally = damage(folder, options.cases, seed=options.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({name: getattr(tally, name) for name in tally.__slots__}, indent=1))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
