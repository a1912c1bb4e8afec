"""The routers of OpenAI's API, for the app."""

from __future__ import annotations

from ragkit_service.routes.openai import (
    chat,
    embeddings,
    file_batches,
    files,
    models,
    responses,
    store_files,
    vector_stores,
)

OPENAI_ROUTERS = (
    chat.router,
    embeddings.router,
    file_batches.router,
    files.router,
    models.router,
    responses.router,
    store_files.router,
    vector_stores.router,
)
