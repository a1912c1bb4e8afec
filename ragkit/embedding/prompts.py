"""Which of a model's own prompts stands before a question, and which before a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_QUERY = ("query", "search_query")
_DOCUMENT = ("document", "passage", "corpus", "search_document")


def query_prompt(prompts: Mapping[str, str | None], default: str | None) -> str:
    """Return the text that a model wants before a question, "" for none. default: the name of its default prompt."""
    return _first(prompts, default, _QUERY)


def document_prompt(prompts: Mapping[str, str | None], default: str | None) -> str:
    """Return the text that a model wants before a document, "" for none. default: the name of its default prompt."""
    return _first(prompts, default, _DOCUMENT)


def _first(prompts: Mapping[str, str | None], default: str | None, names: Sequence[str]) -> str:
    """Return the first prompt that a model has under one of these names, else its default prompt, else "".

    encode_document would stop at the empty "document" that every model is given, and never see a "passage".
    """
    if default is not None and default not in (*_QUERY, *_DOCUMENT):  # a default named "query" is not for documents
        names = [*names, default]
    return next((found for name in names if (found := prompts.get(name))), "")
