"""Models that answer: the protocol, loading by name, and the clients."""

from ragkit.chat.base import ChatModel
from ragkit.chat.loading import load_chat

__all__ = ["ChatModel", "load_chat"]
