"""Read question-passage pairs for a query adapter: a BEIR folder, a set of `eval make`, or JSON Lines."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ragkit.errors import InputError
from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.datasets.lines import DatasetError, read_jsonl
from ragkit.evaluation.datasets.meta import check_meta
from ragkit.evaluation.datasets.question_files import DOCUMENT, TEXT, load_question_file
from ragkit.evaluation.datasets.types import RankingSet, part_of, read_ids, with_queries
from ragkit.knowledge.adapter_training import LabelledQuestion
from ragkit.knowledge.knowledge_base import KnowledgeBase


def read_labelled(path: Path, *, part: str = "", ids: Path | None = None) -> list[LabelledQuestion]:
    """Read pairs. A set with parts gives its tuning part unless another is named, so that its test part stays clean.

    ids: a file with the ids of the queries to take, of a folder. JSON Lines: {"question": …, "source": …} a line, with
    "start" and "end" where the place in the source is known. Raises DatasetError, InputError.
    """
    if path.is_dir():
        return from_set(load_ranking_set(path, skip_unjudged=True), path, part=part, ids=ids)
    if part or ids:
        raise InputError(f"{path} is no folder, so it has no parts and no query ids", cure="leave them out")
    out: list[LabelledQuestion] = []
    for line in read_jsonl(path, cure="write {'question': …, 'source': …} a line, or name a BEIR folder"):
        question, source = line.question("question", "text"), line.identifier("source")
        if line.row.get("start") is None and line.row.get("end") is None:
            out.append(LabelledQuestion(question, (source,)))
            continue
        start, end = line.whole("start"), line.whole("end")
        if not start < end:
            raise line.error(f"the place {start}..{end} is empty")
        out.append(LabelledQuestion(question, spans=((source, start, end),)))
    if not out:
        raise DatasetError(f"{path} holds no question", cure="write one a line")
    return out


def is_question_file(path: Path) -> bool:
    """Return whether a file of pairs is a question file, by its first line: it names a document or gives a text."""
    first = next(iter(read_jsonl(path)), None) if path.is_file() else None
    return first is not None and "source" not in first.row and any(key in first.row for key in (*DOCUMENT, *TEXT))


def from_question_file(path: Path, kb: KnowledgeBase) -> list[LabelledQuestion]:
    """Return the questions of a file that the documents answer, each with the places in a collection that answer it.

    The place is where its text stands in its documents (blanks do not count), else the whole document. A question with
    neither a document nor a text is left out: it teaches no place. Raises DatasetError, InputError.
    """
    held = {info.source for info in kb.documents()}
    found: list[LabelledQuestion] = []
    for question in load_question_file(path):
        if not question.documents:
            continue
        missing = [source for source in question.documents if source not in held]
        if missing:
            raise InputError(
                f"{path}: the collection does not hold {missing[0]!r}", cure="ingest it, or name another --collection"
            )
        spans = []
        for source in question.documents if question.texts else ():
            text = kb.document(source).text
            spans += [(source, *place) for wanted in question.texts if (place := _place(wanted, text))]
        sources = question.documents if not spans else ()
        found.append(LabelledQuestion(question.text, sources, tuple(dict.fromkeys(spans))))
    if not found:
        raise DatasetError(f"{path} names no document", cure='write {"question": …, "document": …} a line')
    return found


def _place(wanted: str, text: str) -> tuple[int, int] | None:
    """Return the span of a text in another, ignoring white space between words; None where it is not there."""
    match = re.search(r"\s+".join(map(re.escape, wanted.split())), text)
    return match.span() if match else None


def from_set(dataset: RankingSet, folder: Path, *, part: str = "", ids: Path | None = None) -> list[LabelledQuestion]:
    """Return the questions of a set that may be learned from, with the documents or places that answer them."""
    check_meta(folder, dataset)
    if ids is not None:
        dataset = with_queries(dataset, read_ids(ids, dataset))
    present: Collection[str] = {query.part for query in dataset.queries.values()} - {""}
    chosen = part_of(dataset, part or ("tune" if present and ids is None else ""))
    if not chosen.queries:
        raise InputError(f"{folder} has no query in part {part or 'tune'!r}", cure="name another --part")
    return [
        LabelledQuestion(
            query.text,
            tuple(source for source, grade in chosen.qrels[name].items() if grade > 0),
            tuple((item.document, item.start, item.end) for item in chosen.passages.get(name, ())),
        )
        for name, query in chosen.queries.items()
    ]
