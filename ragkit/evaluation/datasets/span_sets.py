"""Read a chunking set: a folder `corpora/` of texts, and `questions.jsonl` with the ranges that answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import DatasetError, Line, Names, file_digest, read_jsonl
from ragkit.evaluation.datasets.types import Query, Span, SpanSet, read_part
from ragkit.text.cleaning import clean_text
from ragkit.types.documents import Document

FOLDER = "corpora"
_CURE = (
    'write {"corpus", "question", "references": [{"start_index", "end_index", "content"}]}, one a line;'
    " ranges count code points"
)


class _Corpus:
    """A text as the set counts it and as ragkit stores it, with the mapping of offsets between them."""

    def __init__(self, name: str, path: Path) -> None:
        try:
            self.raw = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise DatasetError(f"{path} is not UTF-8 (byte {error.start:,})") from error
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error.strerror})") from error
        try:
            self.document = Document.from_text(name, self.raw, title=name.replace("_", " "))
        except InputError as error:
            raise DatasetError(f"{path}: {error.message}") from error
        self._same = self.document.text == self.raw

    def span(self, line: Line) -> Span:
        """Return the range of a reference in the stored text. Raises DatasetError."""
        start, end = line.whole("start_index"), line.whole("end_index")
        if not start < end <= len(self.raw):
            raise line.error(f"the range {start}..{end} is not in the corpus, which has {len(self.raw):,} characters")
        content = line.text("content", default=self.raw[start:end])
        if content != self.raw[start:end]:
            raise line.error(f"the range {start}..{end} does not hold its content {content[:40]!r}", cure=_CURE)
        if self._same:
            return start, end
        left, right = (len(clean_text(self.raw[:at])) for at in (start, end))
        if self.document.text[left:right] != clean_text(content):
            raise line.error(f"the range {start}..{end} begins or ends inside a composed character")
        return left, right


def load_span_set(folder: Path, *, skip_unjudged: bool = False) -> SpanSet:
    """Read the corpora and the questions. skip_unjudged: leave out questions without ranges. Raises DatasetError."""
    path = folder / "questions.jsonl"
    files = {item.stem: item for item in sorted((folder / FOLDER).iterdir()) if item.is_file() and item.name[0] != "."}
    corpora = {name: _Corpus(name, item) for name, item in files.items()}
    if not corpora:
        raise DatasetError(f"{folder / FOLDER} holds no file", cure="put the texts there")
    queries: dict[str, Query] = {}
    corpus_of: dict[str, str] = {}
    spans: dict[str, tuple[Span, ...]] = {}
    names = Names()
    for line in read_jsonl(path, cure=_CURE):
        name = names.claim(line, required=False)
        corpus = line.text("corpus").removesuffix(".md")
        if corpus not in corpora:
            raise line.error(f"no corpus {corpus!r} in {FOLDER}/")
        question = Query(line.question("question", "text"), read_part(line))
        found = joined(corpora[corpus].span(item) for item in line.objects("references"))
        if found:
            queries[name], corpus_of[name], spans[name] = question, corpus, found
        elif not skip_unjudged:
            raise line.error("the question has no references", cure="judge it, or pass --skip-unjudged")
    if not queries:
        raise DatasetError(f"{path} holds no question with references", cure=_CURE)
    texts = {name: corpus.document for name, corpus in corpora.items()}
    digest = file_digest([path, *files.values()])
    return SpanSet(folder.resolve().name, queries, texts, corpus_of, spans, digest)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union of spans, ascending and apart."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(out)


def shared_length(left: Iterable[Span], right: Iterable[Span]) -> int:
    """Return how many characters two unions of spans have in common; each is ascending and apart."""
    others = tuple(right)
    return sum(max(0, min(end, b) - max(start, a)) for start, end in left for a, b in others)
