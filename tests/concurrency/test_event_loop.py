"""Calls that end together are reported to their event loop a few per turn, so that the loop serves others in
between."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from ragkit.concurrency.event_loop import A_TURN, report_to_loops


@dataclass(eq=False)
class Ended:
    """A call that has ended."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


def test_calls_that_end_together_leave_turns_to_others() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        calls = [Ended(loop, loop.create_future()) for _ in range(3 * A_TURN)]
        seen: list[str] = []
        for call in calls:
            call.future.add_done_callback(lambda _: seen.append("call"))

        async def other() -> None:
            while len(seen) < 3 * A_TURN + 2:
                await asyncio.sleep(0)
                if seen and seen[-1] == "call":
                    seen.append("other")

        task = asyncio.create_task(other())
        threading.Thread(target=report_to_loops, args=(calls,)).start()
        await asyncio.gather(*(call.future for call in calls))
        await task
        return seen

    seen = asyncio.run(main())
    assert seen.count("call") == 3 * A_TURN
    runs = "".join("c" if name == "call" else " " for name in seen).split()
    assert max(map(len, runs)) == A_TURN


def test_a_call_that_was_cancelled_and_a_loop_that_was_closed_disturb_nobody() -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        cancelled, other = (Ended(loop, loop.create_future()) for _ in range(2))
        cancelled.future.cancel()
        closed = asyncio.new_event_loop()
        gone = Ended(closed, closed.create_future())
        closed.close()
        report_to_loops([gone, cancelled, other])
        await asyncio.wait_for(other.future, 30)
        return cancelled.future.cancelled()

    assert asyncio.run(main())
