"""What runs while faults strike: a small library is ingested, changed, renamed, compacted, rebuilt and backed up.

Before each step the workload tells what it is about to do, and after every commit what is now acknowledged. A step that
fails with one of ragkit's errors is reported, and tried once more, as a user would.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import ragkit
from ragkit import Document, ExtractionError, KnowledgeBase, RagkitError
from ragkit.settings import ChunkSettings, Settings
from ragkit.store.sqlite.backup import backup
from ragkit.store.sqlite.store import Store
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ingest_folder
from ragkit_ingest.jobs import Job
from ragkit_ingest.report import IngestProgress

Tell = Callable[[dict[str, Any]], None]
WORDS = [
    "amber",
    "basil",
    "cedar",
    "dahlia",
    "elder",
    "fennel",
    "ginger",
    "hazel",
    "iris",
    "juniper",
    "kelp",
    "larch",
    "maple",
    "nettle",
    "olive",
    "poplar",
    "quince",
    "rowan",
]
SETTINGS = Settings(chunk=ChunkSettings(max_tokens=40, min_tokens=8, context_tokens=16))
FILES = 6


class PlainPool:
    """Reads text files in this process, so that a run starts no other."""

    def submit(self, job: Job) -> Future[Document | ExtractionError]:
        """Read a file at once."""
        future: Future[Document | ExtractionError] = Future()
        descriptor = job.open()
        with open(descriptor, "rb") as file:
            data = file.read()
        future.set_result(Document(source=job.source, text=data.decode(), sha256=sha(data.decode()), title=job.name))
        return future


def embedder() -> HashEmbedder:
    """Return the model of every proof."""
    return HashEmbedder(16)


def sha(text: str) -> str:
    """Return the name of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def text_of(name: str, version: int, *, paragraphs: int = 4) -> str:
    """Return a document of some chunks whose every paragraph says whose it is; its first word is in no other."""
    chance = random.Random(f"{name}/{version}")
    lines = [f"{name}v{version} part {part}: {' '.join(chance.choices(WORDS, k=25))}." for part in range(paragraphs)]
    return f"code{name}v{version}\n\n" + "\n\n".join(lines)


class Workload:
    """One run over a data folder and a folder of text files, both empty at the start."""

    def __init__(self, data: Path, docs: Path, tell: Tell, *, seed: int = 0) -> None:
        self.data, self.docs, self.tell = data, docs, tell
        self.chance = random.Random(seed)
        self.texts: dict[str, str] = {}  # what the folder holds
        self.held: dict[str, str] = {}  # what the collection should hold
        self.versions = 0

    def run(self) -> None:
        """Do every step; each is tried twice."""
        steps = [
            self.first, self.change, self.again, self.rename, self.added, self.compact, self.change, self.rebuild,
            self.deleted, self.saved, self.change,
        ]  # fmt: skip
        if self.chance.random() < 0.5:  # another seed, another order
            rest = steps[1:]
            self.chance.shuffle(rest)
            steps[1:] = rest
        for step in steps:
            work = step()
            next(work)  # what the user does to the files
            for attempt in (1, 2):
                try:
                    next(work) if attempt == 1 else next(retry(step, self))
                    break
                except StopIteration:
                    break
                except RagkitError as error:
                    self.tell({"failed": f"{type(error).__name__}: {error}"})
            else:
                return

    # Each step changes files, yields, and brings the collection up to date.

    def first(self) -> Iterator[None]:
        """Ingest a folder into a new collection."""
        for number in range(FILES):
            self.write(f"d{number}")
        yield
        self.ingest()

    def change(self) -> Iterator[None]:
        """Change two files, remove one, add one."""
        names = sorted(self.texts)
        self.chance.shuffle(names)
        for name in names[:2]:
            self.write(name.removesuffix(".txt"))
        if len(names) > 4:
            (self.docs / names[2]).unlink()
            del self.texts[names[2]]
        self.write(f"n{self.versions}")
        yield
        self.ingest()

    def again(self) -> Iterator[None]:
        """Ingest what is there already."""
        yield
        self.ingest()

    def rename(self) -> Iterator[None]:
        """Rename a file."""
        old = self.chance.choice(sorted(self.texts))
        new = f"r{self.versions}{old}"
        (self.docs / old).rename(self.docs / new)
        self.texts[new] = self.texts.pop(old)
        yield
        self.ingest(move=(old, new))

    def added(self) -> Iterator[None]:
        """Add documents from Python."""
        self.versions += 1
        texts = {f"python-{number}": text_of(f"p{number}", self.versions) for number in range(2)}
        yield
        self.begin({source: sha(text) for source, text in texts.items()})
        with self.open() as kb:
            for source, text in texts.items():
                kb.add(Document(source=source, text=text))
                self.held[source] = text
                self.tell({"done": {source: sha(text)}})

    def deleted(self) -> Iterator[None]:
        """Remove a document from Python."""
        sources = [source for source in self.held if source.startswith("python-")][:1]
        yield
        self.begin(dict.fromkeys(sources))
        with self.open() as kb:
            kb.remove(sources)
        for source in sources:
            del self.held[source]
        self.tell({"done": dict.fromkeys(sources)})

    def compact(self) -> Iterator[None]:
        """Drop what nothing uses."""
        yield
        self.begin({})
        with (
            Store(self.data / "collections" / "default") as store,
            store.write(kind="compact", fingerprint=None, settings={}) as writer,
        ):
            writer.compact()
        with self.open() as kb:
            kb.search("amber basil")

    def rebuild(self) -> Iterator[None]:
        """Cut and index everything anew."""
        yield
        self.begin({})
        with self.open() as kb:
            kb.rebuild()

    def saved(self) -> Iterator[None]:
        """Back the collection up."""
        self.versions += 1
        name = f"backup{self.versions}"
        yield
        self.begin({})
        with Store(self.data / "collections" / "default") as store:
            if not (self.data / name).exists():
                backup(store, self.data / name)
        self.tell({"backup": name, "holds": {source: sha(text) for source, text in self.held.items()}})

    # ------------------------------------------------------------------ tools

    def write(self, name: str) -> None:
        """Write a new version of a file."""
        self.versions += 1
        text = text_of(name, self.versions)
        path = self.docs / f"{name}.txt"
        new = self.docs.parent / "new"
        new.write_text(text)
        os.utime(new, ns=(10**18 + self.versions, 10**18 + self.versions))
        new.replace(path)  # whole at once: a thread of the step before may be struck while this one writes
        self.texts[path.name] = text

    def begin(self, intended: dict[str, str | None], **more: Any) -> None:
        """Tell what may be true from now on."""
        self.tell({"begin": intended, **more})

    def open(self) -> KnowledgeBase:
        """Open the collection."""
        return ragkit.open(self.data, embedder=embedder(), settings=SETTINGS)

    def ingest(self, *, move: tuple[str, str] | None = None) -> None:
        """Bring the collection up to date with the folder; each document is acknowledged when it is committed."""
        old = {source: text for source, text in self.held.items() if not source.startswith("python-")}
        intended: dict[str, str | None] = {source: sha(text) for source, text in self.texts.items()}
        intended |= dict.fromkeys(source for source in old if source not in self.texts)
        self.begin(intended, **({"move": move} if move and move[0] in old else {}))

        def committed(progress: IngestProgress) -> None:
            if progress.stage == "read" and progress.source and progress.documents > seen[0]:
                seen[0] = progress.documents
                self.tell({"done": {progress.source: sha(self.texts[progress.source])}})

        seen = [0]
        with self.open() as kb:
            kb.search("cedar dahlia")
            report = ingest_folder(kb, self.docs, options=IngestOptions(pool=PlainPool()), progress=committed)
            if report.problems:
                self.tell({"problems": [str(item) for item in report.problems]})
            self.held = {name: text for name, text in self.held.items() if name.startswith("python-")} | self.texts
            self.tell({"done": intended})
            kb.search("cedar dahlia")


def retry(step: Callable[[], Iterator[None]], workload: Workload) -> Iterator[None]:
    """Do the second half of a step again, with the files as they are."""
    name = step.__name__
    if name in ("first", "change", "again", "rename"):
        workload.ingest()
    elif name == "saved":
        workload.versions -= 1
        work = workload.saved()
        next(work)
        yield from work
    else:
        work = step()
        next(work)
        yield from work
    yield
