"""Every setting that can be configured: its key in ragkit.toml, its variable, its kind, bounds and default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

from ragkit import ENVIRONMENT_VARIABLES, ChatSettings, PromptSettings, RetrievalSettings
from ragkit_service.settings import LIMIT_BOUNDS, LIMIT_PREFIX, VARIABLES, Audit, Limits, ServiceSettings

Kind = Literal["text", "path", "whole", "number", "flag", "names"]
LIMIT_TABLE: Final = "limit"
_PREFIX: Final = "RAGKIT_"
_OTHER_COMMANDS: Final = frozenset({"RAGKIT_PRICES"})
"""Variables that the service does not read."""
_SECRETS: Final = frozenset({"api_key", "chat_api_key", "milvus_token"})
_KINDS: Final[dict[str, Kind]] = {
    "data": "path",
    "cache": "path",
    "uds": "path",
    "port": "whole",
    "workers": "whole",
    "remember": "whole",
    "prompt_budget": "whole",
    "chat_deadline": "number",
    "chat_connect_deadline": "number",
    "chat_first_deadline": "number",
    "chat_gap_deadline": "number",
    "chat_min_confidence": "number",
    "offline": "flag",
    "adapter": "flag",
    "strict": "flag",
    "create_collections": "flag",
    "allowed_hosts": "names",
    "trusted_proxies": "names",
    "cors_origins": "names",
    "chat_link_hosts": "names",
    "vocabulary": "names",
}
"""The kinds of settings that are not plain text, by key."""
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "audit": get_args(Audit),
    "runtime": ("auto", "openvino", "torch"),
    "precision": ("auto", "fp32", "int8"),
    "few_shot": ("similar", "fixed", "off"),
}
_BOUNDS: Final[dict[str, tuple[float, float]]] = {"port": (0, 65_535), "workers": (1, 256), "remember": (0, 1_000_000)}


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """One setting. key: its name in ragkit.toml, with its table. default: as it is shown, "" for none.

    least, most: bounds of a number. choices: the texts that it may be, () for any.
    """

    key: str
    variable: str
    meaning: str
    kind: Kind = "text"
    default: str = ""
    secret: bool = False
    bounds: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()


def known_settings() -> dict[str, KnownSetting]:
    """Return all settings by their key, in the order in which they are shown."""
    defaults = _defaults()
    found = [
        KnownSetting(
            key,
            variable,
            meaning,
            kind=_KINDS.get(key, "text"),
            default=defaults.get(key, ""),
            secret=key in _SECRETS,
            bounds=_BOUNDS.get(key),
            choices=_CHOICES.get(key, ()),
        )
        for variable, meaning in {**VARIABLES, **ENVIRONMENT_VARIABLES}.items()
        if variable not in _OTHER_COMMANDS
        for key in [variable.removeprefix(_PREFIX).lower()]
    ]
    return {setting.key: setting for setting in [*found, *_limits()]}


def _limits() -> list[KnownSetting]:
    limits = Limits()
    return [
        KnownSetting(
            f"{LIMIT_TABLE}.{name}",
            LIMIT_PREFIX + name.upper(),
            "a limit of the service",
            kind="whole" if isinstance(getattr(limits, name), int) else "number",
            default=as_text(getattr(limits, name)),
            bounds=LIMIT_BOUNDS[name],
        )
        for name in (field.name for field in fields(Limits))
    ]


def _defaults() -> dict[str, str]:
    service, chat, prompt, retrieval = ServiceSettings(), ChatSettings(), PromptSettings(), RetrievalSettings()
    values: dict[str, Any] = {
        "data": service.data,
        "index": "local",
        "runtime": "auto",
        "precision": "auto",
        "device": "auto",
        "offline": False,
        "chat": chat.model,
        "strict": chat.strict,
        "adapter": retrieval.adapter,
        "vocabulary": retrieval.vocabulary,
        "prompt": prompt.template,
        "prompt_budget": prompt.budget,
        "few_shot": prompt.few_shot,
        **{name: getattr(service, name) for name in ("host", "port", "workers", "remember", "audit")},
        "create_collections": service.create_collections,
        **{f"chat_{name}": getattr(chat, name) for name in ("deadline", "connect_deadline", "first_deadline")},
        **{f"chat_{name}": getattr(chat, name) for name in ("gap_deadline", "min_confidence")},
    }
    return {name: as_text(value) for name, value in values.items()}


def as_text(value: Any) -> str:
    """Return a value as its variable would have it: true or false, names with commas between them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(str(item) for item in value)
    return str(value)
