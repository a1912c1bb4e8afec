"""A Unix socket as the address of the service: whoever may open the file may send requests."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Final

from ragkit import ConfigError

MODE: Final = 0o660
"""The mode of the socket's file: its owner and its group, such as a proxy's, may use it."""


def bind_unix(path: Path) -> socket.socket:
    """Return a listening socket at a path. A socket that nobody listens on any more is replaced.

    Raises ConfigError when another service listens there, when the path is a file of another kind, or cannot be made.
    """
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~MODE)
    try:
        listener.bind(str(path))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"the socket {path} cannot be made: {error.strerror or error}",
            cure="give --uds a path of under 100 characters in a folder that can be written to",
        ) from error
    finally:
        os.umask(before)
    return listener


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # there is nothing at the path, or bind reports the reason
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is no socket", cure="give --uds a path at which there is nothing")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise ConfigError(f"the socket {path} cannot be used: {error.strerror}", cure="choose another") from error
    raise ConfigError(f"another service listens on {path}", cure="end it, or choose another path with --uds")
