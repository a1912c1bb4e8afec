"""Where a Milvus is: a server, or a file of Milvus Lite on this machine. No secret is part of the address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ragkit.errors import ConfigError
from ragkit.settings import MILVUS_PREFIX

TOKEN_VARIABLE: Final = "RAGKIT_MILVUS_TOKEN"  # noqa: S105 (the name of a variable)
_LITE_SUFFIX: Final = ".db"
_SHAPE: Final = "set RAGKIT_INDEX=milvus:http://HOST:19530 (or https), or milvus:FILE.db for Milvus Lite"


@dataclass(frozen=True, slots=True)
class Address:
    """A Milvus. uri: http(s)://HOST:PORT, or the path of a file of Milvus Lite. token: USER:PASSWORD or an API key."""

    uri: str
    token: str = field(default="", repr=False)

    @property
    def is_lite(self) -> bool:
        """Whether it is a file of this machine."""
        return not self.uri.startswith(("http://", "https://"))

    def __str__(self) -> str:
        return self.uri


def parse_address(setting: str, *, token: str = "") -> Address:
    """Return the Milvus that the setting milvus:URI names.

    Raises ConfigError, which repeats nothing of the address: a misplaced password may stand in it.
    """
    uri = setting.removeprefix(MILVUS_PREFIX)
    if "://" not in uri:
        if not uri.endswith(_LITE_SUFFIX) or uri == _LITE_SUFFIX:
            raise ConfigError("the index milvus names neither a server nor a file that ends in .db", cure=_SHAPE)
        return Address(uri)
    try:
        parts = urlsplit(uri)
        is_server = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_server = False
    if not is_server:
        raise ConfigError("the address of Milvus is not valid", cure=_SHAPE)
    if "@" in parts.netloc or parts.query or parts.fragment or parts.path.strip("/"):
        raise ConfigError(
            "the address of Milvus has more than a host and a port",
            cure=f"put a user and password, or a key, into {TOKEN_VARIABLE} (USER:PASSWORD or the key)",
        )
    return Address(uri.rstrip("/"), token)
