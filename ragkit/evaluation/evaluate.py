"""Measure a data set of any kind: index it, ask its questions, and evaluate the confidences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ragkit.errors import ExtractionError, InputError
from ragkit.evaluation.datasets.files import FileReader, find_file_reader, read_files
from ragkit.evaluation.datasets.page_sets import check_pages
from ragkit.evaluation.datasets.types import Choice, Dataset, PageSet, RankingSet, SpanSet
from ragkit.evaluation.measures.abstention import Abstention, Unanswerable, measure_abstention
from ragkit.evaluation.measures.metrics import measuring_library
from ragkit.evaluation.measures.pages import measure_pages
from ragkit.evaluation.measures.ranking import measure_ranking
from ragkit.evaluation.measures.runner import Asker, Measured, Progress, Workbench, fill
from ragkit.evaluation.measures.spans import measure_spans
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.types.documents import Document


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a run beyond the figures. reader: reads the files of a page-level set, found when None."""

    curves: bool = False
    unanswerable: tuple[Unanswerable, ...] = ()
    reader: FileReader | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one part of one set. latency: milliseconds of a question, by percentile."""

    dataset: Dataset
    choice: Choice
    measured: Measured
    latency: dict[str, float]
    abstention: tuple[Abstention, ...] = ()


def measure_dataset(
    whole: Dataset, reported: Dataset, choice: Choice, *, bench: Workbench, options: Options | None = None
) -> Result:
    """Index the whole set in collections of the bench, ask the reported questions, and measure.

    The questions of the tuning part are asked too if a confidence threshold has to be chosen.
    """
    options = options or Options()
    asker = Asker(options.progress)
    if isinstance(reported, RankingSet):
        measuring_library()
        kb = bench.open(reported.name)
        fill(kb, reported.documents, len(reported.documents), asker.progress)
        measured = measure_ranking(kb, reported, asker=asker, curves=options.curves)
    elif isinstance(reported, PageSet):
        measured = _pages(reported, bench, asker, options)
    else:
        collections = {name: bench.open(f"{reported.name}-{name}") for name in reported.corpora}
        for name, kb in collections.items():
            fill(kb, [reported.corpora[name]], 1, asker.progress)
        measured = measure_spans(collections, reported, asker=asker, curves=options.curves)
    return _result(whole, reported, choice, measured, asker, options)


def measure_collection(
    kb: KnowledgeBase, whole: RankingSet, reported: RankingSet, choice: Choice, *, options: Options | None = None
) -> Result:
    """Ask the questions of a set in a collection that is in use, as it is.

    Raises InputError where the collection lacks a document of the set.
    """
    options = options or Options()
    measuring_library()
    held = {info.source for info in kb.documents()}
    missing = [document.source for document in whole.documents if document.source not in held]
    if missing:
        raise InputError(
            f"the collection {kb.collection!r} lacks {len(missing):,} of the set's {len(whole.documents):,} documents,"
            f" such as {missing[0]!r}",
            cure="make the set again from this collection, or leave --collection out",
        )
    asker = Asker(options.progress)
    measured = measure_ranking(kb, reported, asker=asker, curves=options.curves)
    return _result(whole, reported, choice, measured, asker, options)


def _pages(dataset: PageSet, bench: Workbench, asker: Asker, options: Options) -> Measured:
    reader = options.reader or find_file_reader()
    unreadable: dict[str, str] = {}
    counts: dict[str, int] = {}

    def failed(name: str, error: ExtractionError) -> None:
        unreadable[name] = str(error)

    def read() -> Iterator[Document]:
        for document in read_files(dataset.files, reader, failed=failed):
            counts[document.source] = len(document.pages)
            yield document

    kb = bench.open(dataset.name)
    fill(kb, read(), len(dataset.files), asker.progress)
    check_pages(dataset, counts)
    return measure_pages(kb, dataset, asker=asker, unreadable=unreadable, curves=options.curves)


def _result(
    whole: Dataset, reported: Dataset, choice: Choice, measured: Measured, asker: Asker, options: Options
) -> Result:
    latency = asker.latency()
    abstention: tuple[Abstention, ...] = ()
    if options.unanswerable:
        others = {name: query.text for name, query in whole.queries.items() if query.part == "tune"}
        abstention = measure_abstention(
            measured, options.unanswerable, tuning=others, collection_of=_home(whole, measured), asker=asker
        )
    return Result(reported, choice, measured, latency, abstention)


def _home(whole: Dataset, measured: Measured) -> Callable[[str], KnowledgeBase]:
    """Return which collection a question belongs to."""
    if not isinstance(whole, SpanSet):
        return lambda _: measured.collections[0]
    by_corpus = dict(zip(whole.corpora, measured.collections, strict=True))
    return lambda name: by_corpus[whole.corpus_of[name]]
