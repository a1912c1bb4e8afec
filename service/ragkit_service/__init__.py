"""The HTTP service of ragkit: search, prompts, answers and documents over a data folder, and a small page."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit_service.app import create_app
    from ragkit_service.settings import Limits, ServiceSettings, service_settings

__all__ = ["Limits", "ServiceSettings", "create_app", "service_settings"]

_HOME_OF = {"create_app": "app", "Limits": "settings", "ServiceSettings": "settings", "service_settings": "settings"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: `ragkit --help` must not import FastAPI."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ragkit_service' has no attribute {name!r}")
    return getattr(import_module(f"ragkit_service.{home}"), name)
