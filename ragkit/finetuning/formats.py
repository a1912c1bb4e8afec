"""The lines of training files: OpenAI's chat format with its rules, and `messages` of Hugging Face."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from ragkit.evaluation.datasets.lines import Line, read_jsonl
from ragkit.types.prompts import Message

Format = Literal["openai", "messages"]
FORMATS: Final[tuple[Format, ...]] = ("openai", "messages")
OPENAI_LEAST: Final = 10
"""OpenAI takes no training file with fewer examples (platform.openai.com, "Supervised fine-tuning", 2025)."""
OPENAI_TOKENS: Final = 65_536
"""Longest example in tokens that OpenAI takes for its smaller models; longer ones are cut there."""
OPENAI_BYTES: Final = 512 * 1024 * 1024
"""Largest file that OpenAI's files API takes, in bytes."""
_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_KEYS: Final = frozenset({"role", "content", "name", "weight", "tool_calls", "tool_call_id"})


def chat_line(messages: Sequence[Message], output: str) -> str:
    """Return a line for both formats: {"messages": […]} with the answer as the last, from the assistant."""
    rows = [*(message.as_dict() for message in messages), {"role": "assistant", "content": output}]
    return json.dumps({"messages": rows}, ensure_ascii=False)


def openai_problems(path: Path, *, count: Callable[[str], int] | None = None) -> list[str]:
    """Return the violations of OpenAI's rules in a file, as "line N: …"; [] for a file that may be uploaded.

    count: counts the tokens of a text; without it, sizes are not checked. Raises DatasetError for lines without JSON.
    """
    problems = []
    lines = 0
    for line in read_jsonl(path):
        lines += 1
        problems += [f"line {line.number}: {problem}" for problem in _line_problems(line, count)]
    if lines < OPENAI_LEAST:
        problems.append(f"{lines} examples, and {OPENAI_LEAST} is the least")
    if path.stat().st_size > OPENAI_BYTES:
        problems.append(f"{path.stat().st_size:,} bytes, and {OPENAI_BYTES:,} is the most")
    return problems


def _line_problems(line: Line, count: Callable[[str], int] | None) -> list[str]:
    messages = line.row.get("messages")
    unknown = sorted(set(line.row) - {"messages", "tools", "parallel_tool_calls"})
    problems = [f"the key {unknown[0]!r} is not allowed"] if unknown else []
    if not isinstance(messages, list) or not messages:
        return [*problems, "'messages' is missing, empty or no list"]
    for number, message in enumerate(messages, 1):
        problems += [f"message {number}: {problem}" for problem in _message_problems(message)]
    if problems:
        return problems
    if messages[-1]["role"] != "assistant":
        problems.append("the last message is not the assistant's")
    if not any(message["role"] == "assistant" and message.get("weight", 1) == 1 for message in messages):
        problems.append("no message of the assistant has weight 1: nothing would be learned")
    if count is not None:
        tokens = sum(count(message["content"] or "") for message in messages)
        if tokens > OPENAI_TOKENS:
            problems.append(f"{tokens:,} tokens, and {OPENAI_TOKENS:,} is the most")
    return problems


def _message_problems(message: Any) -> list[str]:
    if not isinstance(message, Mapping):
        return ["it is no object"]
    problems = []
    if message.get("role") not in _ROLES:
        problems.append(f"role {message.get('role')!r} is not one of {', '.join(_ROLES)}")
    content = message.get("content")
    called = message.get("role") == "assistant" and bool(message.get("tool_calls")) and content is None
    if not called and (not isinstance(content, str) or not content.strip()):
        problems.append("'content' is missing, empty or no text")
    unknown = sorted(set(message) - _KEYS)
    if unknown:
        problems.append(f"the key {unknown[0]!r} is not allowed")
    if "weight" in message and (message.get("role") != "assistant" or message["weight"] not in (0, 1)):
        problems.append("'weight' is 0 or 1, and for the assistant alone")
    return problems
