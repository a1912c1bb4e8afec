"""Models that answer: the protocol, loading by name, and the clients."""

from ragkit.chat.loading import ChatModel, load_chat

__all__ = ["ChatModel", "load_chat"]
