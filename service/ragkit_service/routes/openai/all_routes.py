"""The routers of OpenAI's API, for the app."""

from __future__ import annotations

from ragkit_service.routes.openai import chat, embeddings, models, responses, vector_stores

OPENAI_ROUTERS = (chat.router, embeddings.router, models.router, responses.router, vector_stores.router)
