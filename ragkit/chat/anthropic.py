"""Answers from Anthropic's models, through the official SDK."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

from ragkit.chat.deadline import LOOP, within_deadline
from ragkit.chat.endpoint import Endpoint, interrupted
from ragkit.errors import ChatError, MissingPackageError
from ragkit.settings import ChatSettings
from ragkit.types.prompts import Prompt

_CREDENTIALS: Final = ("api_key", "auth_token", "credentials")
"""What the SDK's client may hold to prove who asks; without any it fails at the first question."""


class AnthropicChat:
    """A Claude model. Without key and base URL the SDK takes ANTHROPIC_API_KEY; a base URL without a key gets none."""

    def __init__(self, model: str, settings: ChatSettings) -> None:
        """Connect to nothing yet. Raises MissingPackageError without the SDK, ChatError without any key."""
        try:
            import anthropic
        except ImportError as error:
            raise MissingPackageError(
                "anthropic", purpose=f"the chat model anthropic:{model}", install="'ragkit[anthropic]'"
            ) from error
        self.name = f"anthropic:{model}"
        self._model = model
        self._settings = settings
        self._client = anthropic.AsyncAnthropic(
            api_key=settings.api_key or ("none" if settings.base_url else None),
            base_url=settings.base_url or None,
            timeout=anthropic.Timeout(settings.deadline, connect=settings.connect_deadline),
            max_retries=0,
        )
        if not any(getattr(self._client, name, None) for name in _CREDENTIALS):
            raise ChatError("no API key is set for Anthropic", cure="set RAGKIT_CHAT_API_KEY or ANTHROPIC_API_KEY")
        weakref.finalize(self, _close, self._client).atexit = False  # the end of the process closes them too
        self._bad_request: type[Exception] = anthropic.BadRequestError
        self._endpoint = Endpoint.of(self.name, settings.base_url, str(self._client.api_key or ""))

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer in pieces. Raises ChatTimeoutError, ChatInterruptedError, ChatError."""
        return within_deadline(lambda: self._produce(prompt), self._settings, endpoint=self._endpoint)

    async def _produce(self, prompt: Prompt) -> AsyncGenerator[str]:
        reason = ""
        ended = False
        async with await self._open(prompt) as stream:
            async for event in stream:
                text = ""
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    text = event.delta.text
                elif event.type == "message_delta":
                    reason = event.delta.stop_reason or reason
                elif event.type == "message_stop":
                    ended = True
                yield text
        if not ended:
            raise interrupted(self._endpoint)
        if reason == "refusal":
            raise ChatError(f"{self._endpoint.label} refused to answer")
        if reason == "max_tokens":
            yield " …"

    async def _open(self, prompt: Prompt) -> Any:
        system = "\n\n".join(message.content for message in prompt.messages if message.role == "system")
        # The SDK of 2026 has no such parameter any more: newer models choose it themselves, older ones still take it.
        options: dict[str, Any] = {"extra_body": {"temperature": self._settings.temperature}}
        while True:
            try:
                return await self._client.messages.create(
                    model=self._model,
                    system=system,
                    messages=[message.as_dict() for message in prompt.messages if message.role != "system"],  # type: ignore[misc]
                    max_tokens=self._settings.max_tokens,
                    stream=True,
                    **options,
                )
            except self._bad_request as error:
                if not options or "temperature" not in str(error):
                    raise
                options = {}  # a model that takes no temperature


def _close(client: Any) -> None:
    """Close the connections of an unused client."""
    LOOP.submit(client.close())
