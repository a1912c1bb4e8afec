"""The same training as a job of Ray Train, as a cluster (also Anyscale's) runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import MissingPackageError, ModelError
from ragkit.finetuning.training.config import TrainConfig
from ragkit.finetuning.training.train import Trained, train


def train_on_ray(
    config: TrainConfig, *, workers: int = 1, use_gpu: bool = False, storage: Path | None = None
) -> Trained:
    """Run `train` in the workers of a Ray cluster: the present one (RAY_ADDRESS), or a local one for this call.

    workers: processes that divide each batch. storage: a folder that all nodes see, for Ray's checkpoints. The folders
    of the configuration must be seen by every node. Raises what `train` raises, and ModelError for a failed job.
    """
    try:
        import ray
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer
    except ImportError as error:
        raise MissingPackageError("ray", purpose="training on Ray", install="'ragkit[ray-train]'") from error
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else a local cluster writes a token into the home folder
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False)
    try:
        place = (storage or config.output.parent / "ray").resolve()
        trainer = TorchTrainer(
            _worker,
            train_loop_config=_shape(config),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=use_gpu),
            run_config=RunConfig(storage_path=str(place), name=config.output.name),
        )
        result = trainer.fit()
    finally:
        if started:
            ray.shutdown()
    figures = result.metrics or {}
    if result.error is not None or "eval_loss" not in figures:
        raise ModelError(f"the Ray job failed: {result.error}", cure="look at Ray's logs")
    return Trained(
        config.output / "model",
        int(figures["steps"]),
        float(figures["eval_loss"]),
        float(figures["first_eval_loss"]),
        bool(figures["stopped_early"]),
        int(figures["trainable"]),
        int(figures["parameters"]),
    )


def _shape(config: TrainConfig) -> dict[str, Any]:
    """Return a configuration as plain values with absolute paths: workers run elsewhere."""
    shape = config.as_dict()
    return shape | {name: str(Path(shape[name]).resolve()) for name in ("model", "data", "output")}


def _worker(shape: Mapping[str, Any]) -> None:
    """Train in one worker; the first one writes the result, and reports it with a checkpoint."""
    import ray.train
    from ray.train import Checkpoint

    values = dict(shape) | {name: Path(shape[name]) for name in ("model", "data", "output")}
    values["targets"] = tuple(values["targets"])
    context = ray.train.get_context()
    first = context.get_world_rank() == 0
    if not first:
        values["output"] = values["output"].with_name(f"{values['output'].name}-{context.get_world_rank()}")
    trained = train(TrainConfig(**values))
    figures = {name: value for name, value in trained.as_dict().items() if name != "model"}
    ray.train.report(figures, checkpoint=Checkpoint.from_directory(str(trained.model)) if first else None)
