"""The executor of a Ray cluster: teams of actors that read and of actors that embed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from ragkit import ChunkSettings, ConfigError, ModelSettings, show
from ragkit_ingest.executors.ray_cluster.actors import EmbeddingActor, ReadingActor, node_id
from ragkit_ingest.executors.ray_cluster.cluster import cluster
from ragkit_ingest.executors.ray_cluster.embedder import ClusterEmbedder
from ragkit_ingest.executors.ray_cluster.reader import ClusterPool
from ragkit_ingest.executors.ray_cluster.team import ClosedTeamError, Team
from ragkit_ingest.executors.ray_cluster.wire import dump_settings, load_fingerprint
from ragkit_ingest.limits import ReadLimits
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


@contextmanager
def ray_embedder(address: str, settings: ModelSettings) -> Iterator[ClusterEmbedder]:
    """Start and end workers that only embed, one for each processor or GPU of the cluster at an address.

    address: "HOST:PORT", "" for a cluster of this machine that ends with it. Raises as `RayExecutor.stages`.
    """
    with cluster(address, processors=len(os.sched_getaffinity(0)), stopped=_never) as ray, ExitStack() as stack:
        held = StageSettings(ReadLimits(), 0, settings, ChunkSettings())
        team = _embedding_team(ray, held, _workers(ray, 0), stopped=_never)
        stack.callback(team.close)
        embedder = _embedder(team, team.complete(team.begin()), settings)
        stack.callback(embedder.close)
        stack.callback(team.close)  # first: what waits for a worker ends
        yield embedder


def _never() -> bool:
    return False


def _workers(ray: Any, wanted: int) -> int:
    processors = int(ray.cluster_resources().get("CPU", 0))
    if not processors:
        raise ConfigError("the Ray cluster has no processors", cure="start a machine of it: ray start --address=…")
    return min(wanted or processors, processors, _MOST_WORKERS)


def _started(
    ray: Any, settings: StageSettings, workers: int, *, stack: ExitStack, stopped: Callable[[], bool]
) -> Stages:
    """Start both teams at once, and check that they have the same model."""
    reading = ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy="SPREAD")(ReadingActor)
    packed = dump_settings(settings)
    readers = Team(reading.remote, size=workers, prepare=(packed, node_id()), stopped=stopped)
    embedders = _embedding_team(ray, settings, workers, stopped=stopped)
    stack.callback(readers.close)
    stack.callback(embedders.close)
    begun = readers.begin(), embedders.begin()
    cutting, embedding = readers.complete(begun[0]), embedders.complete(begun[1])
    _check_models([*cutting, *embedding])
    embedder = _embedder(embedders, embedding, settings.model)
    pool = ClusterPool(readers, limits=settings.limits, size=readers.size)
    stack.callback(embedder.close)
    stack.callback(pool.close)
    stack.callback(embedders.close)  # the last of these runs first: what waits for a worker ends
    stack.callback(readers.close)
    return Stages(pool, readers.size, embedder)


def _embedding_team(ray: Any, settings: StageSettings, workers: int, *, stopped: Callable[[], bool]) -> Team:
    """Return a team of actors that embed, not started yet: one a GPU where the cluster has GPUs and the model may."""
    gpus = int(ray.cluster_resources().get("GPU", 0)) if settings.model.device in ("auto", "cuda") else 0
    needs = {"num_gpus": 1} if gpus else {"num_cpus": 1}
    actor = ray.remote(max_restarts=0, scheduling_strategy="SPREAD", **needs)(EmbeddingActor)
    size = min(gpus or workers, workers)
    return Team(actor.remote, size=size, prepare=(dump_settings(settings), bool(gpus)), stopped=stopped)


def _embedder(team: Team, facts: Sequence[dict[str, Any]], settings: ModelSettings) -> ClusterEmbedder:
    """Return the embedder of a team whose actors are ready. Raises ConfigError where two have different models."""
    _check_models(facts)
    fingerprint = load_fingerprint(facts[0]["fingerprint"])
    return ClusterEmbedder(team, fingerprint=fingerprint, units=facts[0]["units"], settings=settings)


def _check_models(facts: Sequence[dict[str, Any]]) -> None:
    """Check that all workers have the same model. Raises ConfigError."""
    found = [load_fingerprint(fact["fingerprint"]) for fact in facts]
    if len({fingerprint.id for fingerprint in found}) > 1:
        raise ConfigError(
            f"the workers of the cluster have different models named {show(found[0].model, 80)}",
            cure="give every machine of the cluster the same files of the model",
        )
