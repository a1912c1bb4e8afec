"""Several `ragkit serve` processes over one database: under load, and when one of them is killed at its job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import ragkit
from tests.faults.services import Load, Result, run_load
from tests.support.shared_services import RunningService, shared_services

DEFAULT = "/v1/collections/default"
WAIT = 60.0


def check(result: Result) -> None:
    """Check that nothing was wrong, and that there was something to be wrong."""
    assert (dict(result.errors), result.stale, result.lost, result.problems) == ({}, [], [], 0)
    assert result.writes > 1
    assert result.requests > 4 * result.writes


def job_of(service: RunningService, number: str) -> Any:
    """Return a job as a service reports it."""
    return service.request("GET", f"/v1/jobs/{number}")[1]


def test_four_services_lose_nothing_in_a_minute(postgres: str, tmp_path: Path) -> None:
    check(run_load(postgres, tmp_path, services=4, clients=32, writers=2, seconds=60))


@pytest.mark.slow
def test_four_services_lose_nothing_in_half_an_hour(postgres: str, tmp_path: Path) -> None:
    check(run_load(postgres, tmp_path, services=4, clients=32, writers=2, seconds=1_800))


def test_two_services_under_load_and_then_one_is_killed_at_its_job(postgres: str, tmp_path: Path) -> None:
    ragkit.create_collection(postgres, "default")
    with shared_services(postgres, tmp_path, count=2, RAGKIT_LIMIT_LEASE_SECONDS="2") as (one, two):
        check(Load((one, two), clients=4, writers=2, seconds=3).run())
        documents = [{"id": f"part-{number}", "text": f"Part {number} is in bin {number}."} for number in range(100)]
        end = time.monotonic() + WAIT
        with two.jobs_held():  # so that the other one does the job
            status, job = two.request("POST", f"{DEFAULT}/documents", {"documents": documents})
            assert status == 202
            while not any(item["status"] == "added" for item in job_of(two, job["id"])["files"]):
                assert time.monotonic() < end
                time.sleep(0.01)
            one.kill()
        assert job_of(two, job["id"])["state"] == "running"
        while (done := job_of(two, job["id"]))["finished_at"] is None:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert done["state"] == "completed"
    assert {item["status"] for item in done["files"]} <= {"added", "unchanged"}
    with ragkit.open(postgres, create=False) as knowledge:
        assert knowledge.verify() == []
        assert len(knowledge.documents(prefix="upload:part-")) == len(documents)
