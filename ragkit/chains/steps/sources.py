"""Steps that find sources: search the collection, read a database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ragkit.chains.sql import Scalar, check_query, run_query
from ragkit.chains.steps.base import Frame, Head, StepOutput, Tools
from ragkit.definitions.grammar import Reference
from ragkit.definitions.sandbox import SafeExpression, SafeText, as_text, compile_text
from ragkit.errors import InputError
from ragkit.types.hits import Hit, Hits

DATABASE_TYPE: Final = "application/vnd.sqlite3"
_MOST_QUERIES: Final = 8
_MOST_BITS: Final = 63  # of SQLite's whole numbers, beside the sign


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Searches the collection for one or several queries, whose passages are interleaved."""

    head: Head
    query: SafeText
    queries: SafeExpression | None
    count: int
    where: Mapping[str, Any] | None
    fields: frozenset[str] | None = frozenset(("count", "confidence", "passages", "queries"))
    sources: tuple[str, ...] = ()
    writes_json: bool = False

    @property
    def references(self) -> tuple[Reference, ...]:
        """The values in its query or queries."""
        return self.queries.references if self.queries else self.query.references

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Search. Raises QueryError, FilterError, StepError."""
        queries = self._queries(values)
        found = [tools.kb.search(query, k=self.count, where=self.where) for query in queries]
        hits = found[0] if len(found) == 1 else in_turn(found)
        value = {
            "count": len(hits),
            "confidence": round(hits.confidence, 6),
            "passages": [_passage(number, hit) for number, hit in enumerate(hits, 1)],
            "queries": list(queries),
        }
        return StepOutput(value, hits=hits)

    def _queries(self, values: Mapping[str, Any]) -> list[str]:
        if self.queries is None:
            return [self.query.render(values)]
        return question_list(self.queries, values)


def question_list(listed: SafeExpression, values: Mapping[str, Any]) -> list[str]:
    """Return the questions that an expression gives, each once, at most eight. Raises InputError for anything else."""
    found = listed.value(values)
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise InputError(f"{listed.source!r} gives no list of questions")
    return list(dict.fromkeys(texts))[:_MOST_QUERIES]


def read_retrieve(head: Head, frame: Frame) -> Retrieve:
    """Read a retrieve step. Raises DefinitionError."""
    queries = frame.expression(frame.raw["queries"], "queries") if "queries" in frame.raw else None
    if queries is not None and "query" in frame.raw:
        raise frame.error("has both query and queries", "queries")
    return Retrieve(
        head,
        frame.text("query", "{{ question }}"),
        queries,
        frame.raw.get("k", 5),
        _filter(frame),
    )


def _filter(frame: Frame) -> Mapping[str, Any] | None:
    from ragkit.errors import FilterError
    from ragkit.store.filters import parse_filter

    where: Mapping[str, Any] | None = frame.raw.get("where")
    try:
        parse_filter(where)
    except FilterError as error:
        raise frame.error(error.message, "where", cure=error.cure) from error
    return where


def in_turn(found: Sequence[Hits]) -> Hits:
    """Return the passages of several searches, the best of each first; a passage within a longer one is left out."""
    merged: list[Hit] = []
    for rank in range(max(map(len, found), default=0)):
        for hit in (hits[rank] for hits in found if rank < len(hits)):
            if not any(_holds(other, hit) for other in merged):
                merged = [other for other in merged if not _holds(hit, other)]
                merged.append(hit)
    kept = [replace(hit, rank=rank) for rank, hit in enumerate(merged, 1)]
    warnings = dict.fromkeys(warning for hits in found for warning in hits.warnings)
    return Hits(
        kept,
        confidence=max((hits.confidence for hits in found), default=0.0),
        generation=max((hits.generation for hits in found), default=0),
        warnings=tuple(warnings),
    )


def _holds(outer: Hit, inner: Hit) -> bool:
    """Return whether a passage is within another one, or equal to it."""
    if outer.media_type == DATABASE_TYPE:
        return (outer.source, outer.text) == (inner.source, inner.text)
    same = (outer.source, outer.collection) == (inner.source, inner.collection)
    return same and outer.start <= inner.start and inner.end <= outer.end


def after_each_other(found: Sequence[Hits]) -> Hits:
    """Return the hits of several steps, those of the first step first, without duplicates."""
    merged = in_turn([Hits([hit]) for hits in found for hit in hits])
    merged.confidence = max((hits.confidence for hits in found), default=0.0)
    merged.generation = max((hits.generation for hits in found), default=0)
    merged.warnings = tuple(dict.fromkeys(warning for hits in found for warning in hits.warnings))
    return merged


def _passage(number: int, hit: Hit) -> dict[str, Any]:
    return {
        "number": number,
        "source": hit.source,
        "title": hit.title,
        "heading": hit.heading,
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "text": hit.text,
    }


@dataclass(frozen=True, slots=True)
class Query:
    """Reads a database with one SELECT. say: a sentence for each row, which makes the rows sources for `generate`."""

    head: Head
    database: Path
    title: str
    query: str
    params: Mapping[str, SafeExpression]
    most: int
    say: SafeText | None
    fields: frozenset[str] | None = frozenset(("rows", "count", "truncated"))
    sources: tuple[str, ...] = ()
    writes_json: bool = False

    @property
    def references(self) -> tuple[Reference, ...]:
        """The values that it binds, and those of other steps in its sentences."""
        said = self.say.references if self.say else ()
        bound = (reference for value in self.params.values() for reference in value.references)
        return (*bound, *(reference for reference in said if reference.name != "row"))

    def run(self, values: Mapping[str, Any], tools: Tools) -> StepOutput:
        """Read the rows. Raises InputError (time, a value that cannot be bound)."""
        bound = {name: _bindable(name, value.value(values)) for name, value in self.params.items()}
        found = run_query(self.database, self.query, bound, most=self.most, seconds=tools.left)
        value = {"rows": [dict(row) for row in found.rows], "count": len(found.rows), "truncated": found.truncated}
        if self.say is None:
            return StepOutput(value)
        texts = [self.say.render({**values, "row": row}) for row in found.rows]
        hits = [self._hit(rank, text.strip()) for rank, text in enumerate(texts, 1) if text.strip()]
        return StepOutput(value, hits=Hits(hits, confidence=1.0 if hits else 0.0))

    def _hit(self, rank: int, text: str) -> Hit:
        """Return a row's sentence as a passage: its source is the database, its hash that of the sentence."""
        return Hit(
            rank=rank,
            score=1.0,
            scores={},
            source=self.database.name,
            title=self.title,
            sha256=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
            media_type=DATABASE_TYPE,
            page=None,
            page_end=None,
            page_label=None,
            start=0,
            end=len(text),
            heading="",
            text=text,
        )


def read_query(head: Head, frame: Frame) -> Query:
    """Read a sql step; its query is compiled by SQLite and not run. Raises DefinitionError."""
    name = frame.raw["database"]
    if name not in frame.databases:
        known = ", ".join(frame.databases) or "none"
        raise frame.error(f"there is no database {name!r}", "database", cure=f"the chain's databases: {known}")
    params = {key: frame.expression(text, "params", key) for key, text in frame.raw.get("params", {}).items()}
    query = frame.raw["query"].strip().rstrip(";")
    try:
        names = check_query(frame.databases[name], query)
    except InputError as error:
        raise frame.error(error.message, "query", cure=error.cure) from error
    if names != set(params):
        odd = min(names ^ set(params))
        what = "is bound in the query and not in params" if odd in names else "is in params and not in the query"
        raise frame.error(f":{odd} {what}", "params" if "params" in frame.raw else "query")
    say = compile_text(frame.raw["say"], frame.place("say"), finalize=as_text) if "say" in frame.raw else None
    return Query(
        head,
        frame.databases[name],
        frame.raw.get("title", name),
        query,
        params,
        frame.raw.get("max_rows", 20),
        say,
    )


def _bindable(name: str, value: Any) -> Scalar:
    """Return a value that SQLite can bind. Raises InputError."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise InputError(f"the value of :{name} has more than {_MOST_BITS} bits", cure="bind it as a text")
    if value is None or isinstance(value, str | int | float):
        return value
    raise InputError(f"the value of :{name} is a {type(value).__name__}", cure="bind a text, a number or nothing")
