"""The service, as `ragkit serve` runs it, with a task on its event loop that measures how late the loop wakes it.

    python -m tests.bench.load_server DATA [SWITCH_MS]

SWITCH_MS: milliseconds after which a thread hands the GIL over, in place of the service's own. Prints the address as
JSON, and at the end the lags. SIGUSR1 forgets what was measured until then. A lag is counted twice: as it is, and as
far as this process is to blame: the event loop's own work, or another thread that held the GIL (see ThreadClocks). The
places of its threads after long ones are told.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from ragkit_service import ServiceSettings, create_app
from ragkit_service.server import bind, prepare_interpreter, server_config, url_of
from tests.bench.bench_stalls import Probe, working_places
from tests.support.thread_clocks import ThreadClocks

_STEP = 0.005
_LONG = 0.03


@dataclass(slots=True)
class LoopLags:
    """Seconds that the event loop woke a sleeping task late; own: as far as this process is to blame; places: where
    its other threads were after its longest own lags."""

    late: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    places: dict[str, float] = field(default_factory=dict)

    async def watch(self) -> None:
        """Measure until cancelled."""
        with ThreadClocks() as clocks:
            while True:
                clocks.start()
                before, used = time.perf_counter(), time.thread_time()
                await asyncio.sleep(_STEP)
                late = time.perf_counter() - before - _STEP
                self._note(late, held=clocks.held_up(late), worked=min(late, time.thread_time() - used))

    def _note(self, late: float, *, held: float, worked: float) -> None:
        self.late.append(late)
        self.own.append(max(held, worked))
        if self.own[-1] > _LONG:
            for place in working_places() if held > worked else ["the event loop itself"]:
                self.places[place] = max(self.places.get(place, 0.0), self.own[-1])

    def clear(self) -> None:
        """Forget what was measured."""
        self.late.clear()
        self.own.clear()
        self.places.clear()

    def as_dict(self) -> dict[str, Any]:
        """Return the 99th percentiles and the maxima in milliseconds, and the eight worst places."""
        worst = sorted(self.places.items(), key=lambda item: -item[1])[:8]
        found: dict[str, Any] = {"lags": len(self.late), "places": {place: round(s * 1000) for place, s in worst}}
        for name, values in (("lag", self.late), ("own_lag", self.own)):
            found[f"{name}_p99_ms"] = round(float(np.percentile(values or [0.0], 99)) * 1000, 1)
            found[f"{name}_max_ms"] = round(max(values, default=0.0) * 1000, 1)
        return found


async def _serve(settings: ServiceSettings, *, switch_ms: float) -> LoopLags:
    config = server_config(settings, create_app(settings), as_json=True)
    prepare_interpreter()
    if switch_ms:
        sys.setswitchinterval(switch_ms / 1000)
    lags = LoopLags()
    collecting = Probe()
    gc.callbacks.append(collecting.on_collection)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lags.clear)
    with bind(settings) as listener:
        sys.stdout.write(json.dumps({"url": url_of(listener)}) + "\n")
        sys.stdout.flush()
        watch = asyncio.create_task(lags.watch())
        await uvicorn.Server(config).serve(sockets=[listener])
        watch.cancel()
    lags.places["longest garbage collection"] = collecting.collecting
    return lags


def main() -> None:
    """Serve a data folder until SIGTERM, then print the lags."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends by it, and raises it again when it has ended
    switch_ms = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    lags = asyncio.run(_serve(ServiceSettings(data=Path(sys.argv[1]), port=0), switch_ms=switch_ms))
    sys.stdout.write(json.dumps(lags.as_dict()) + "\n")


if __name__ == "__main__":
    main()
