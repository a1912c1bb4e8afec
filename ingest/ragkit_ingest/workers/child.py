"""The process that reads files: it receives descriptors, answers with text or a reason, and holds no secret."""

from __future__ import annotations

import base64
import gc
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from ragkit import ExtractionError
from ragkit_ingest.limits import OCR_MEMORY, ReadLimits
from ragkit_ingest.readers.base import Budget, Hints, TimeLimitError
from ragkit_ingest.readers.page_images import page_png
from ragkit_ingest.readers.registry import choose, read
from ragkit_ingest.scan.included import neighbours_of
from ragkit_ingest.scan.stable_read import read_stable
from ragkit_ingest.workers.protocol import ClosedError, pack, receive, send
from ragkit_ingest.workers.sandbox import allow_cpu, confine, cpu_allowance, cpu_left, end_with, more_cpu

_COLLECT_FROM = 1 << 18  # characters: after a large file, what it left in cycles goes at once
_RETIRE_AT = 0.4  # a child that has held this part of its memory makes room for a fresh one


def main() -> None:
    """Serve a parent: argv holds the descriptors of the socket and of the life line, and the memory limit."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    end_with(int(sys.argv[2]))
    memory = int(sys.argv[3])
    confine(memory=memory, most=OCR_MEMORY)
    status = 70  # of a fault of this process itself
    try:
        send(channel, {"ready": True})
        while serve(channel, memory=memory):
            pass
        status = 0
    except ClosedError:
        status = 0
    finally:
        # Native libraries and deep trees are left to the kernel: their destructors are where processes crash.
        os._exit(status)


def serve(channel: socket.socket, *, memory: int) -> bool:
    """Answer one request; False when this process should be replaced by a fresh one."""
    request, _, descriptor = receive(channel)
    limits = ReadLimits(**request["limits"])
    allow_cpu(limits.timeout)
    retire = False
    text = ""
    try:
        message, text = answer(descriptor, request, limits, partial(_grant, channel))
    except ExtractionError as error:
        message = {"reason": error.reason, "detail": error.detail, "cure": error.cure}
    except (MemoryError, RecursionError) as error:
        retire = True
        reason = "expands_too_much" if isinstance(error, MemoryError) else "too_deep"
        message = {"reason": reason, "detail": "more than a reader may take", "cure": ""}
    except (Exception, SystemExit, TimeLimitError) as error:  # noqa: BLE001 (the edge of the process: any fault of a reader is a damaged file)
        message = {"reason": "damaged", "detail": f"{type(error).__name__}: {str(error)[:300]}", "cure": ""}
    finally:
        os.close(descriptor)
    if len(text) > _COLLECT_FROM:
        gc.collect()
    retire = retire or _peak() > _memory(memory) * _RETIRE_AT or cpu_left() < min(limits.timeout, cpu_allowance() / 2)
    send(channel, {**message, "retire": retire}, text=text)
    return not retire


def _grant(channel: socket.socket, seconds: float, threads: int) -> None:
    """Report to the parent that this file takes more seconds, and allow as much CPU time for each thread."""
    more_cpu(seconds * threads)
    send(channel, {"more": seconds})


def answer(
    descriptor: int, request: dict[str, Any], limits: ReadLimits, grant: Callable[[float, int], None] | None = None
) -> tuple[dict[str, Any], str]:
    """Read one file, or draw one of its pages where that is asked; ExtractionError when that fails."""
    budget = Budget(limits.timeout)
    content = read_stable(descriptor, max_size=limits.max_size, settled=request.get("settled", False))
    name: str = request["name"]
    if "page" in request:
        picture = page_png(content.data, request["page"])
        return {"sha256": content.sha256}, base64.b64encode(picture).decode("ascii")
    media_type, reader = choose(content.data, name=name)
    neighbours = neighbours_of(request["place"])
    hints = Hints(media_type, limits, budget, request["careful"], grant=grant, neighbours=neighbours)
    extracted = read(content.data, name=name, hints=hints, reader=reader)
    message = pack(extracted, media_type=media_type, sha256=content.sha256)
    message["included"] = list(neighbours.looked_at) if neighbours is not None else []
    return message, extracted.text


def _memory(memory: int) -> int:
    """Return the memory limit of this process now: higher once it has read by OCR."""
    import resource

    return max(memory, resource.getrlimit(resource.RLIMIT_AS)[0])


def _peak() -> int:
    """Return the most memory that this process has held, in bytes.

    getrusage() would include the parent's memory, which this process shared before it ran its own program.
    """
    import resource

    with suppress(OSError, ValueError, IndexError, StopIteration), open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
