"""Answers from OpenAI or any server that speaks its chat API (Ollama, vLLM, llama.cpp), through the official SDK."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from ragkit.chat.deadline import LOOP, within_deadline
from ragkit.chat.endpoint import Endpoint, interrupted
from ragkit.errors import ChatError, MissingPackageError
from ragkit.settings import ChatSettings
from ragkit.types.prompts import Prompt

_NO_KEY = "none"  # the SDK insists on a key; a local server ignores it


class OpenAIChat:
    """A chat model behind an OpenAI-compatible endpoint.

    Without a key and a base URL the SDK takes its own from OPENAI_API_KEY; a base URL without a key gets none.
    """

    def __init__(self, model: str, settings: ChatSettings, *, label: str = "") -> None:
        """Connect to nothing yet. label: the name that answers state, "openai:MODEL" by default.

        Raises MissingPackageError without the SDK, ChatError without any key.
        """
        try:
            import openai
        except ImportError as error:
            raise MissingPackageError(
                "openai", purpose=f"the chat model {label or model}", install="'ragkit[openai]'"
            ) from error
        self.name = label or f"openai:{model}"
        self._model = model
        self._settings = settings
        key = settings.api_key or (_NO_KEY if settings.base_url else None)
        try:
            self._client = openai.AsyncOpenAI(
                api_key=key,
                base_url=settings.base_url or None,
                timeout=openai.Timeout(settings.deadline, connect=settings.connect_deadline),
                max_retries=0,
            )
        except openai.OpenAIError:
            raise ChatError("no API key is set for OpenAI", cure="set RAGKIT_CHAT_API_KEY or OPENAI_API_KEY") from None
        self._bad_request: type[Exception] = openai.BadRequestError
        weakref.finalize(self, _close, self._client).atexit = False  # the end of the process closes them too
        self._endpoint = Endpoint.of(self.name, settings.base_url, str(self._client.api_key or ""))

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer in pieces. Raises ChatTimeoutError, ChatInterruptedError, ChatError."""
        return within_deadline(lambda: self._produce(prompt), self._settings, endpoint=self._endpoint)

    async def _produce(self, prompt: Prompt) -> AsyncGenerator[str]:
        finished = ""
        async with await self._open(prompt) as stream:
            async for chunk in stream:
                text = ""
                for choice in chunk.choices[:1]:
                    text = choice.delta.content or ""
                    finished = choice.finish_reason or finished
                yield text
        if not finished:
            raise interrupted(self._endpoint)
        if finished == "content_filter":
            raise ChatError(f"{self._endpoint.label} withheld the answer (content filter)")
        if finished == "length":
            yield " …"

    async def _open(self, prompt: Prompt) -> Any:
        """Start the answer; options that the model refuses by name are dropped one after the other."""
        options: dict[str, Any] = {"max_tokens": self._settings.max_tokens, "temperature": self._settings.temperature}
        while True:
            try:
                return await self._client.chat.completions.create(
                    model=self._model,
                    messages=[message.as_dict() for message in prompt.messages],  # type: ignore[misc]
                    stream=True,
                    **options,
                )
            except self._bad_request as error:
                left = _without_refused(options, str(error))
                if left is None:
                    raise
                options = left


def _without_refused(options: dict[str, Any], refusal: str) -> dict[str, Any] | None:
    """Return the options without the refused one, None when the refusal names none of them."""
    if "max_completion_tokens" in refusal and "max_tokens" in options:
        kept = {name: value for name, value in options.items() if name != "max_tokens"}
        return {**kept, "max_completion_tokens": options["max_tokens"]}
    if "temperature" in refusal and "temperature" in options:
        return {name: value for name, value in options.items() if name != "temperature"}
    return None


def _close(client: Any) -> None:
    """Close the connections of an unused client."""
    LOOP.submit(client.close())
