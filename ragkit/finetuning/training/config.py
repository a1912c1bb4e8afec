"""The configuration of a training run: a TOML file, checked before anything is loaded."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ragkit.errors import ConfigError

Method = Literal["lora", "qlora", "full"]
_RANGES: Final = {
    "epochs": (0.01, 1_000),
    "learning_rate": (1e-8, 1.0),
    "batch_size": (1, 4_096),
    "accumulate": (1, 4_096),
    "max_tokens": (16, 1_000_000),
    "weight_decay": (0.0, 1.0),
    "rank": (1, 1_024),
    "alpha": (1, 4_096),
    "dropout": (0.0, 0.9),
    "evaluate_steps": (1, 1_000_000),
    "patience": (1, 1_000),
}
"""Least and most of each number."""
TEMPLATE: Final = """\
# A training run of `ragkit finetune train`. Paths are relative to this file.
model = "models/base"        # a folder in Hugging Face's format, with safetensors
data = "data"                # a folder of: ragkit export finetune EXAMPLES data --format messages
output = "out"               # a new folder
method = "lora"              # lora, qlora (4-bit, by bitsandbytes; slow without a CUDA GPU) or full

seed = 0
epochs = 3
learning_rate = 2e-4         # full fine-tuning: 1e-5
batch_size = 4
accumulate = 4               # gradient steps added up: the effective batch is batch_size x accumulate
max_tokens = 2048            # longer examples are an error, not cut
weight_decay = 0.01

rank = 16                    # of the LoRA matrices
alpha = 32
dropout = 0.05
targets = []                 # names of the layers with adapters; [] takes all linear layers

evaluate_steps = 50          # the validation loss is measured this often, and once an epoch at least
patience = 3                 # training stops after so many measurements without a lower validation loss
merge = false                # write the model with the adapter merged in, too (qlora: in 4 bits)
"""
"""A configuration to start with, as `ragkit finetune config` prints it."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What is trained, on what, and how. model, data, output: folders. targets: layers with adapters, () for all.

    The validation loss is measured every `evaluate_steps` steps; after `patience` measurements without a lower one,
    training stops, and the weights of the lowest one are kept.
    """

    model: Path
    data: Path
    output: Path
    method: Method = "lora"
    seed: int = 0
    epochs: float = 3.0
    learning_rate: float = 2e-4
    batch_size: int = 4
    accumulate: int = 4
    max_tokens: int = 2_048
    weight_decay: float = 0.01
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = ()
    evaluate_steps: int = 50
    patience: int = 3
    merge: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON."""
        shape = {item.name: getattr(self, item.name) for item in fields(self)}
        paths = {name: str(shape[name]) for name in ("model", "data", "output")}
        return shape | paths | {"targets": list(self.targets)}


def read_config(path: Path) -> TrainConfig:
    """Read a configuration. Raises ConfigError that names the file and the key, before anything is loaded."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})", cure="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", cure="compare it with ragkit finetune config") from error
    known = {item.name: item for item in fields(TrainConfig)}
    for name in given:
        if name not in known:
            raise ConfigError(f"{path}: the key {name!r} is not known", cure=f"the keys are {', '.join(known)}")
    for name in ("model", "data", "output"):
        if not isinstance(given.get(name), str) or not given[name]:
            raise ConfigError(f"{path}: {name} is missing", cure=f'write {name} = "folder"')
    values = {name: _checked(path, name, value) for name, value in given.items()}
    for name in ("model", "data", "output"):
        values[name] = path.parent / values[name]
    return TrainConfig(**values)


def _checked(path: Path, name: str, value: Any) -> Any:
    """Return a value in the form of `TrainConfig`. Raises ConfigError."""
    if name in ("model", "data", "output"):
        return value
    if name == "method":
        if value in get_args(Method):
            return value
        raise ConfigError(f"{path}: method is {value!r}", cure=f"write one of {', '.join(get_args(Method))}")
    if name == "targets":
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        raise ConfigError(f"{path}: targets is no list of names", cure='write targets = ["q_proj", "v_proj"]')
    if name == "merge":
        if isinstance(value, bool):
            return value
        raise ConfigError(f"{path}: merge is {value!r}", cure="write true or false")
    return _number(path, name, value)


def _number(path: Path, name: str, value: Any) -> float:
    """Return a number within its range; whole where the setting is a whole number. Raises ConfigError."""
    default = next(item.default for item in fields(TrainConfig) if item.name == name)
    whole = isinstance(default, int)
    low, high = _RANGES.get(name, (0, 2**31 - 1))
    right = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not right or (whole and not isinstance(value, int)):
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{path}: {name} is {value!r}", cure=f"write {kind} from {low:g} to {high:g}")
    return value if whole else float(value)
