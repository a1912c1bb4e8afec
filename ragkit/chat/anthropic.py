"""Answers from Anthropic's models, through the official SDK."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from ragkit.chat.deadline import Endpoint, interrupted, within_deadline
from ragkit.errors import ChatError, MissingPackageError
from ragkit.settings import ChatSettings
from ragkit.types.prompts import Prompt


class AnthropicChat:
    """A Claude model. Without key and base URL the SDK takes ANTHROPIC_API_KEY; a base URL without a key gets none."""

    def __init__(self, model: str, settings: ChatSettings) -> None:
        """Connect to nothing yet. Raises MissingPackageError without the SDK."""
        try:
            import anthropic
        except ImportError as error:
            raise MissingPackageError(
                "anthropic", purpose=f"the chat model anthropic:{model}", install="'ragkit[anthropic]'"
            ) from error
        self.name = f"anthropic:{model}"
        self._model = model
        self._settings = settings
        self._client = anthropic.Anthropic(
            api_key=settings.api_key or ("none" if settings.base_url else None),
            base_url=settings.base_url or None,
            timeout=settings.deadline,
            max_retries=1,
        )
        self._bad_request: type[Exception] = anthropic.BadRequestError
        self._endpoint = Endpoint.of(self.name, settings.base_url, str(self._client.api_key or ""))

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer in pieces. Raises ChatTimeoutError, ChatInterruptedError, ChatError."""
        return within_deadline(
            lambda: self._produce(prompt),
            seconds=self._settings.deadline,
            max_tokens=self._settings.max_tokens,
            endpoint=self._endpoint,
        )

    def _produce(self, prompt: Prompt) -> Generator[str]:
        reason = ""
        ended = False
        with self._open(prompt) as stream:
            for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text
                elif event.type == "message_delta":
                    reason = event.delta.stop_reason or reason
                elif event.type == "message_stop":
                    ended = True
        if not ended:
            raise interrupted(self._endpoint)
        if reason == "refusal":
            raise ChatError(f"{self._endpoint.label} refused to answer")
        if reason == "max_tokens":
            yield " …"

    def _open(self, prompt: Prompt) -> Any:
        system = "\n\n".join(message.content for message in prompt.messages if message.role == "system")
        # The SDK of 2026 has no such parameter any more: newer models choose it themselves, older ones still take it.
        options: dict[str, Any] = {"extra_body": {"temperature": self._settings.temperature}}
        while True:
            try:
                return self._client.messages.create(
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
