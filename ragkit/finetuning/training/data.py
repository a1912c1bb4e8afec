"""Training lines -> token ids with labels: the model learns the answer of the assistant, and not the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import Line, read_jsonl

IGNORED: Final = -100
"""The label of tokens that are not learned (PyTorch's default of cross entropy)."""
_TEMPLATE: Final = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""The template for models without a chat template."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example: token ids, and the label of each (`IGNORED` for the prompt)."""

    input_ids: list[int]
    labels: list[int]


def load_encoded(path: Path, tokenizer: Any, *, max_tokens: int) -> list[Encoded]:
    """Read a file of `messages` and encode each line with the tokenizer's chat template.

    Raises DatasetError for malformed lines, InputError for one over `max_tokens`: an answer that is cut teaches to stop
    in the middle.
    """
    if not getattr(tokenizer, "chat_template", None):
        tokenizer.chat_template = _TEMPLATE
    found = [_encoded(line, tokenizer, max_tokens) for line in read_jsonl(path)]
    if not found:
        raise InputError(f"{path} is empty", cure="export the data again")
    return found


def _encoded(line: Line, tokenizer: Any, max_tokens: int) -> Encoded:
    messages = line.row.get("messages")
    cure = "export it with ragkit export finetune"
    if not isinstance(messages, list) or not all(map(_is_message, messages)):
        raise line.error("'messages' is no list of messages with role and content", cure=cure)
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise line.error("'messages' does not end with the assistant's", cure=cure)
    prompt = _text(tokenizer, messages[:-1], opened=True)
    whole = prompt + messages[-1]["content"] + (tokenizer.eos_token or "")
    head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    tail = tokenizer(whole[len(prompt) :], add_special_tokens=False)["input_ids"]
    size = len(head) + len(tail)
    if size > max_tokens:
        raise line.error(
            f"{size:,} tokens, over max_tokens {max_tokens:,}", cure="raise max_tokens or shorten the example"
        )
    return Encoded([*head, *tail], [*([IGNORED] * len(head)), *tail])


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("role", "content"))


def _text(tokenizer: Any, messages: Sequence[Mapping[str, str]], *, opened: bool) -> str:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=opened)
    return str(text)


def padded(batch: Sequence[Encoded], *, pad: int) -> dict[str, Any]:
    """Return a batch as tensors (n, longest): input_ids, attention_mask, labels; padded at the right."""
    import torch

    longest = max(len(item.input_ids) for item in batch)

    def rows(values: Sequence[list[int]], fill: int) -> Any:
        return torch.tensor([row + [fill] * (longest - len(row)) for row in values], dtype=torch.long)

    return {
        "input_ids": rows([item.input_ids for item in batch], pad),
        "attention_mask": rows([[1] * len(item.input_ids) for item in batch], 0),
        "labels": rows([item.labels for item in batch], IGNORED),
    }
