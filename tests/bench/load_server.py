"""The service, as `ragkit serve` runs it, with a task on its event loop that measures how late the loop wakes it.

    python -m tests.bench.load_server DATA

Prints the address as JSON, and at the end the lags. SIGUSR1 forgets what was measured until then. A lag is counted
twice: as it is, and less the time that Linux says the thread waited for a processor, which is the machine's doing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvicorn

from ragkit_service import ServiceSettings, create_app
from ragkit_service.server import bind, server_config, url_of

_STEP = 0.005


@dataclass(slots=True)
class LoopLags:
    """Seconds that the event loop woke a sleeping task late; own: without the waits for a processor."""

    late: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Measure until cancelled."""
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as waits:
            while True:
                before, waited = time.perf_counter(), _waited(waits.fileno())
                await asyncio.sleep(_STEP)
                late = time.perf_counter() - before - _STEP
                self.late.append(late)
                self.own.append(max(0.0, late - (_waited(waits.fileno()) - waited)))

    def clear(self) -> None:
        """Forget what was measured."""
        self.late.clear()
        self.own.clear()

    def as_dict(self) -> dict[str, float]:
        """Return the 99th percentiles and the maxima in milliseconds."""
        found: dict[str, float] = {"lags": len(self.late)}
        for name, values in (("lag", self.late), ("own_lag", self.own)):
            found[f"{name}_p99_ms"] = round(float(np.percentile(values or [0.0], 99)) * 1000, 1)
            found[f"{name}_max_ms"] = round(max(values, default=0.0) * 1000, 1)
        return found


def _waited(descriptor: int) -> float:
    """Return the seconds that the thread has waited for a processor so far."""
    return int(os.pread(descriptor, 64, 0).split()[1]) / 1e9


async def _serve(settings: ServiceSettings) -> LoopLags:
    config = server_config(settings, create_app(settings), as_json=True)
    lags = LoopLags()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lags.clear)
    with bind(settings) as listener:
        sys.stdout.write(json.dumps({"url": url_of(listener)}) + "\n")
        sys.stdout.flush()
        watch = asyncio.create_task(lags.watch())
        await uvicorn.Server(config).serve(sockets=[listener])
        watch.cancel()
    return lags


def main() -> None:
    """Serve a data folder until SIGTERM, then print the lags."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends by it, and raises it again when it has ended
    lags = asyncio.run(_serve(ServiceSettings(data=Path(sys.argv[1]), port=0)))
    sys.stdout.write(json.dumps(lags.as_dict()) + "\n")


if __name__ == "__main__":
    main()
