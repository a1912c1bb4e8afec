"""The executor of a Ray cluster: teams of actors that read and of actors that embed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from ragkit import ConfigError, Fingerprint
from ragkit_ingest.executors.ray_cluster.actors import EmbeddingActor, ReadingActor, node_id
from ragkit_ingest.executors.ray_cluster.cluster import cluster
from ragkit_ingest.executors.ray_cluster.embedder import ClusterEmbedder
from ragkit_ingest.executors.ray_cluster.reader import ClusterPool
from ragkit_ingest.executors.ray_cluster.team import ClosedTeamError, Team
from ragkit_ingest.executors.ray_cluster.wire import dump_settings, load_fingerprint
from ragkit_ingest.stages import Stages, StageSettings, StoppedStartError

_MOST_WORKERS: Final = 256


class RayExecutor:
    """Reads, chunks and embeds in a Ray cluster; the run itself writes. address: "" starts one on this machine."""

    def __init__(self, address: str = "") -> None:
        self._address = address

    @contextmanager
    def stages(self, settings: StageSettings, *, stopped: Callable[[], bool]) -> Iterator[Stages]:
        """Start and end the workers: `settings.workers`, or one for each processor of the cluster.

        A worker is an actor that reads and chunks and one that embeds. On a machine with GPUs, each GPU has an actor
        that embeds. Raises ConfigError, MissingPackageError, ModelError, StoppedStartError.
        """
        cores = len(os.sched_getaffinity(0))
        processors = min(settings.workers or cores, cores)
        with cluster(self._address, processors=processors, stopped=stopped) as ray, ExitStack() as stack:
            workers = _workers(ray, settings.workers)
            try:
                stages = _started(ray, settings, workers, stack=stack, stopped=stopped)
            except ClosedTeamError:
                raise StoppedStartError from None
            yield stages


def _workers(ray: Any, wanted: int) -> int:
    processors = int(ray.cluster_resources().get("CPU", 0))
    if not processors:
        raise ConfigError("the Ray cluster has no processors", cure="start a machine of it: ray start --address=…")
    return min(wanted or processors, processors, _MOST_WORKERS)


def _started(
    ray: Any, settings: StageSettings, workers: int, *, stack: ExitStack, stopped: Callable[[], bool]
) -> Stages:
    """Start both teams at once, and check that they have the same model."""
    gpus = int(ray.cluster_resources().get("GPU", 0)) if settings.model.device in ("auto", "cuda") else 0
    needs = {"num_gpus": 1} if gpus else {"num_cpus": 1}
    reading = ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy="SPREAD")(ReadingActor)
    embedding = ray.remote(max_restarts=0, scheduling_strategy="SPREAD", **needs)(EmbeddingActor)
    packed = dump_settings(settings)
    readers = Team(reading.remote, size=workers, prepare=(packed, node_id()), stopped=stopped)
    embedders = Team(
        embedding.remote, size=min(gpus or workers, workers), prepare=(packed, bool(gpus)), stopped=stopped
    )
    stack.callback(readers.close)
    stack.callback(embedders.close)
    greetings = [(team, team.begin()) for team in (readers, embedders)]
    facts = [fact for team, answers in greetings for fact in team.complete(answers)]
    model = _same_model([load_fingerprint(fact["fingerprint"]) for fact in facts])
    units = all(fact["units"] for fact in facts if "units" in fact)
    embedder = ClusterEmbedder(embedders, fingerprint=model, units=units, settings=settings.model)
    pool = ClusterPool(readers, limits=settings.limits, size=readers.size)
    stack.callback(embedder.close)
    stack.callback(pool.close)
    stack.callback(embedders.close)  # the last of these runs first: what waits for a worker ends
    stack.callback(readers.close)
    return Stages(pool, readers.size, embedder)


def _same_model(fingerprints: Sequence[Fingerprint]) -> Fingerprint:
    """Return the fingerprint of the workers that embed, which are the last. Raises ConfigError where two differ."""
    last = fingerprints[-1]
    for other in fingerprints:
        if other.id != last.id:
            raise ConfigError(
                f"the workers of the cluster have different models named {last.model}",
                cure="give every machine of the cluster the same files of the model",
            )
    return last
