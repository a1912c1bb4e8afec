"""Examples of replies, for OpenAPI; a test checks that each is a valid reply."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from ragkit_service.schemas.job_replies import JOB

_SHA = "9f2c6c1f0f6f0b8f4a5b0f4a4d7c5b1e2a3948576c6d7e8f90a1b2c3d4e5f607"
_HIT: dict[str, JsonValue] = {
    "rank": 1,
    "score": 0.91,
    "scores": {"dense": 0.88, "lexical": 0.93},
    "source": "policies/refunds.pdf",
    "title": "Refund policy",
    "sha256": _SHA,
    "media_type": "application/pdf",
    "page": 2,
    "page_end": 2,
    "page_label": "2",
    "start": 1840,
    "end": 2112,
    "heading": "Refunds › Window",
    "text": "Customers may return goods within 30 days after delivery.",
    "metadata": {},
}
_CITATION: dict[str, JsonValue] = {
    "number": 1,
    "source": "policies/refunds.pdf",
    "title": "Refund policy",
    "sha256": _SHA,
    "page": 2,
    "page_label": "2",
    "start": 1840,
    "end": 1897,
    "quote": "Customers may return goods within 30 days after delivery.",
    "supported": True,
    "verdict": "supported",
    "reason": "",
    "header": "",
    "matched": False,
    "heading": "Refunds › Window",
    "address": "https://example.org/policies/refunds.pdf",
    "judged": "",
    "sentence": "Goods may be returned within 30 days [1].",
}
_TEMPLATE: dict[str, JsonValue] = {"name": "default", "version": 1, "digest": _SHA}
_DOCUMENT: dict[str, JsonValue] = {
    "id": "d_cmVmdW5kcy5wZGY",
    "source": "refunds.pdf",
    "title": "Refund policy",
    "sha256": _SHA,
    "media_type": "application/pdf",
    "characters": 5321,
    "pages": 4,
    "chunks": 11,
    "generation": 3,
    "updated_at": "2026-01-05T09:00:04Z",
    "metadata": {"team": "sales"},
    "warnings": [],
}

SEARCH: Final[dict[str, JsonValue]] = {
    "query": "How long is the refund window?",
    "hits": [_HIT],
    "confidence": 0.87,
    "took_ms": 6.2,
    "warnings": [],
    "corrected": {},
}

PROMPT: Final[dict[str, JsonValue]] = {
    "question": "How long is the refund window?",
    "messages": [
        {"role": "system", "content": "Answer only from the sources …"},
        {"role": "user", "content": "<source number=1 …> … How long is the refund window?"},
    ],
    "passages": [{"number": 1, **_HIT}],
    "tokens": {"instructions": 210, "sources": 96, "question": 9, "total": 315},
    "budget": 3000,
    "encoding": "o200k_base",
    "estimated": False,
    "dropped": 0,
    "confidence": 0.87,
    "warnings": [],
    "template": _TEMPLATE,
    "shots": 0,
}

ANSWER: Final[dict[str, JsonValue]] = {
    "question": "How long is the refund window?",
    "text": "Goods may be returned within 30 days [1].",
    "status": "answered",
    "citations": [_CITATION],
    "model": "extractive",
    "tokens": {"total": 315, "answer": 12},
    "confidence": 0.87,
    "removed": [],
    "warnings": [],
    "template": _TEMPLATE,
}

CHECK: Final[dict[str, JsonValue]] = {
    "status": "answered",
    "counts": {"supported": 1},
    "sentences": [
        {
            "text": "Goods may be returned within 30 days.",
            "start": 0,
            "end": 37,
            "verdict": "supported",
            "citation": _CITATION,
        }
    ],
}

COLLECTIONS: Final[dict[str, JsonValue]] = {"collections": ["default", "handbook"]}

CREATED: Final[dict[str, JsonValue]] = {"name": "handbook"}

STATUS: Final[dict[str, JsonValue]] = {
    "name": "handbook",
    "created_at": "2026-01-05T09:00:00.000Z",
    "documents": 12,
    "pages": 40,
    "chunks": 310,
    "generation": 3,
    "model": "all-MiniLM-L6-v2",
}

HISTORY: Final[dict[str, JsonValue]] = {
    "generations": [
        {
            "number": 1,
            "started_at": "2026-01-05T09:00:00Z",
            "finished_at": "2026-01-05T09:00:04Z",
            "kind": "upload",
            "added": 2,
            "changed": 0,
            "removed": 0,
            "model": "all-MiniLM-L6-v2",
            "fingerprint": _SHA,
            "extractor": "1",
            "settings": {},
        }
    ]
}

DOCUMENTS: Final[dict[str, JsonValue]] = {"documents": [_DOCUMENT], "next_offset": None}

WHOLE_DOCUMENT: Final[dict[str, JsonValue]] = {
    "id": "d_cmVmdW5kcy5wZGY",
    **_DOCUMENT,
    "start": 0,
    "end": 57,
    "text": "Customers may return goods within 30 days after delivery.",
    "page_table": [{"start": 0, "label": "1"}],
    "headings": [{"offset": 0, "level": 1, "text": "Refunds"}],
}

UPLOAD: Final[dict[str, JsonValue]] = {"job": JOB["id"], "generation": 4, "files": JOB["files"]}

REMOVED: Final[dict[str, JsonValue]] = {"removed": 1}

HEALTH: Final[dict[str, JsonValue]] = {"status": "ok"}

READY: Final[dict[str, JsonValue]] = {"ready": True, "model": "ready", "collections": 2, "problems": {}}

VERSION: Final[dict[str, JsonValue]] = {"ragkit": "0.1.0", "python": "3.11.7"}
