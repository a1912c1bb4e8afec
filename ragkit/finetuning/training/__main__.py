"""`python -m ragkit.finetuning.training CONFIG.toml [--ray]`: the script for a machine that only trains."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ragkit.errors import RagkitError
from ragkit.finetuning.training.config import read_config


def main() -> int:
    """Train as the configuration says and print the result as JSON; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ragkit.finetuning.training", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--ray", action="store_true", help="train in a Ray cluster")
    parser.add_argument("--workers", type=int, default=1, help="workers on Ray")
    parser.add_argument("--gpu", action="store_true", help="a GPU for each worker on Ray")
    options = parser.parse_args()
    try:
        config = read_config(options.config)
        if options.ray:
            from ragkit.finetuning.training.ray_train import train_on_ray

            trained = train_on_ray(config, workers=options.workers, use_gpu=options.gpu)
        else:
            from ragkit.finetuning.training.train import train

            trained = train(config)
    except RagkitError as error:
        sys.stderr.write(f"ragkit: {error}\n")
        return 1
    sys.stdout.write(json.dumps(trained.as_dict(), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
