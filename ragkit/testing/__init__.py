"""Small deterministic fakes for tests, ours and users': no model, no network, no heavy import."""

from ragkit.testing.chats import CutChat, EchoChat, FakeChat, ObedientChat, SlowChat
from ragkit.testing.embedders import BrokenEmbedder, Fault, HashEmbedder
from ragkit.testing.memory_store import MemoryBackend, MemoryStore

__all__ = [
    "BrokenEmbedder",
    "CutChat",
    "EchoChat",
    "FakeChat",
    "Fault",
    "HashEmbedder",
    "MemoryBackend",
    "MemoryStore",
    "ObedientChat",
    "SlowChat",
]
