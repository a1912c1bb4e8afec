"""A chat backend in one file: it keeps each conversation, streams checked answers and cites its sources.

ragkit ingest sample_docs
uvicorn --factory --app-dir docs/examples chatbot:app
curl -N localhost:8000/chat -H 'Content-Type: application/json' -d '{"message": "How long is the refund window?"}'
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from uuid import uuid4

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

import ragkit

TURNS = 20  # messages of a conversation that the model sees
CONVERSATIONS = 1_000  # kept in memory; use your database for more


class Turn(BaseModel):
    message: str = Field(max_length=ragkit.QUESTION_LIMIT)
    conversation: str = Field(default_factory=lambda: uuid4().hex, max_length=64)


def make_app(kb: ragkit.KnowledgeBase) -> FastAPI:
    app = FastAPI()
    conversations: OrderedDict[str, list[ragkit.Message]] = OrderedDict()

    @app.post("/chat")
    def chat(turn: Turn) -> StreamingResponse:
        history = conversations.setdefault(turn.conversation, [])
        conversations.move_to_end(turn.conversation)
        while len(conversations) > CONVERSATIONS:
            conversations.popitem(last=False)
        try:
            pieces = kb.stream(turn.message, history=history[-TURNS:])
        except ragkit.InputError as error:
            raise HTTPException(422, str(error)) from error

        def lines() -> Iterator[str]:
            try:
                for piece in pieces:
                    if isinstance(piece, str):
                        yield json.dumps({"text": piece}) + "\n"
                        continue
                    history.append(ragkit.Message("user", turn.message))
                    history.append(ragkit.Message("assistant", piece.text))
                    yield json.dumps({"conversation": turn.conversation, "answer": piece.as_dict()}) + "\n"
            except ragkit.ChatError:
                yield json.dumps({"error": "the answer broke off; ask again"}) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    return app


def app() -> FastAPI:
    kb = ragkit.open(os.environ.get("RAGKIT_DATA", ".ragkit"), settings=ragkit.settings_from_env(os.environ))
    return make_app(kb)
