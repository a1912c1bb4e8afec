"""Several `ragkit serve` processes over one database: under load, and when one of them is killed at its job."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.services import Result, run_load
from tests.support.shared_services import shared_services

DEFAULT = "/v1/collections/default"
WAIT = 60.0


def check(result: Result) -> None:
    """Check that nothing was wrong, and that there was something to be wrong."""
    assert (dict(result.errors), result.stale, result.lost, result.problems) == ({}, [], [], 0)
    assert result.writes > 2
    assert result.requests > 10 * result.writes


def test_two_services_lose_nothing_and_answer_nothing_old(postgres: str, tmp_path: Path) -> None:
    check(run_load(postgres, tmp_path, services=2, clients=6, writers=2, seconds=4))


@pytest.mark.slow
def test_four_services_lose_nothing_in_half_an_hour(postgres: str, tmp_path: Path) -> None:
    check(run_load(postgres, tmp_path, services=4, clients=32, writers=2, seconds=1_800))


def test_the_job_of_a_killed_service_is_done_by_another(postgres: str, tmp_path: Path) -> None:
    with shared_services(postgres, tmp_path, count=2, RAGKIT_LIMIT_LEASE_SECONDS="2") as (one, two):
        assert two.request("POST", "/v1/collections", {"name": "default"})[0] == 201
        documents = [
            {"id": f"part-{number}", "text": f"Part {number} is held in bin {number}."} for number in range(300)
        ]
        status, job = one.request("POST", f"{DEFAULT}/documents", {"documents": documents})
        assert status == 202
        end = time.monotonic() + WAIT
        while not any(item["status"] == "added" for item in two.request("GET", f"/v1/jobs/{job['id']}")[1]["files"]):
            assert time.monotonic() < end
            time.sleep(0.01)
        one.kill()
        job = two.request("GET", f"/v1/jobs/{job['id']}")[1]
        assert job["state"] == "running"
        while job["finished_at"] is None:
            assert time.monotonic() < end
            time.sleep(0.05)
            job = two.request("GET", f"/v1/jobs/{job['id']}")[1]
        assert job["state"] == "completed"
        assert {item["status"] for item in job["files"]} <= {"added", "unchanged"}
        listed = two.request("GET", f"{DEFAULT}/documents?limit=1000")[1]["documents"]
        assert len(listed) == len(documents)
