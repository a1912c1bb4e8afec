"""Train an adapter or all weights with early stopping on the validation loss; the test file is never opened."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from ragkit.errors import ConfigError, ConflictError, MissingPackageError, ModelError
from ragkit.finetuning.export import read_manifest
from ragkit.finetuning.training.config import TrainConfig
from ragkit.finetuning.training.data import Encoded, load_encoded, padded

HISTORY: Final = "history.jsonl"
MODEL: Final = "model"
MERGED: Final = "merged"
REPORT: Final = "training.json"
Report = Callable[[Mapping[str, float]], None]
"""Called with the figures of each measurement: step, epoch, loss or eval_loss."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training. model: the folder of adapter or model. eval_loss: the lowest, of the kept weights."""

    model: Path
    steps: int
    eval_loss: float
    first_eval_loss: float
    stopped_early: bool
    trainable: int
    parameters: int

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"model": str(self.model)}


def train(config: TrainConfig, *, report: Report | None = None) -> Trained:
    """Train as configured, and write `model/`, history.jsonl and training.json to the output folder.

    Raises InputError (data), ConfigError (configuration, packages), ModelError (base model), ConflictError (output).
    """
    manifest = read_manifest(config.data)
    if config.output.exists() and any(config.output.iterdir()):
        raise ConflictError(f"{config.output} is there already", cure="name a new output folder")
    transformers = _transformers()
    transformers.set_seed(config.seed)
    tokenizer = _loaded(
        config, lambda folder: transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    parts = [
        load_encoded(config.data / name, tokenizer, max_tokens=config.max_tokens)
        for name in ("train.jsonl", "validation.jsonl")
    ]
    model = _adapted(config, base_model(config, transformers))
    trainer = _trainer(config, model, parts, tokenizer.pad_token_id, report)
    first = float(trainer.evaluate()["eval_loss"])
    trainer.train()
    best = trainer.state.best_metric
    lowest = float(trainer.evaluate()["eval_loss"] if best is None else best)
    return _saved(config, trainer, tokenizer, (first, lowest), manifest)


def _transformers() -> Any:
    try:
        import accelerate  # noqa: F401  (the Trainer of transformers needs it)
        import peft  # noqa: F401
        import transformers
    except ImportError as error:
        raise MissingPackageError(
            str(error.name), purpose="ragkit finetune train", install="'ragkit[finetune]'"
        ) from error
    return transformers


def _loaded(config: TrainConfig, load: Callable[[str], Any]) -> Any:
    """Return the value that a function loads from the folder of the base model. Raises ModelError."""
    if not (config.model / "config.json").is_file():
        raise ModelError(
            f"{config.model} is no model folder (no config.json)", cure="give a folder in Hugging Face's format"
        )
    if not any(config.model.glob("*.safetensors")):
        raise ModelError(f"{config.model} has no safetensors", cure="save it again with safe serialization")
    try:
        return load(str(config.model))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{config.model} cannot be loaded: {error}", cure="check the folder") from error


def base_model(config: TrainConfig, transformers: Any) -> Any:
    """Return the base model; for QLoRA its linear layers are in 4 bits (NF4).

    Raises MissingPackageError without bitsandbytes, ModelError.
    """
    import torch

    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    if config.method == "qlora":
        try:
            import bitsandbytes  # noqa: F401
        except ImportError as error:
            raise MissingPackageError("bitsandbytes", purpose="method qlora", install="'ragkit[qlora]'") from error
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    model = _loaded(config, lambda folder: transformers.AutoModelForCausalLM.from_pretrained(folder, **options))
    _keep_differentiable(model)
    return model


def _keep_differentiable(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit layers on a CPU when they are evaluated.

    Its repacked layers have no gradient with respect to their input, and the validation loss is measured before and
    between the steps: from then on the layers below would learn from a wrong gradient, with a warning at most.
    """
    for part in model.modules():
        if hasattr(part, "support_avx512bf16_for_cpu"):
            part.support_avx512bf16_for_cpu = False


def _adapted(config: TrainConfig, model: Any) -> Any:
    """Return the model with LoRA matrices as its only trainable weights; as it is for full fine-tuning."""
    if config.method == "full":
        return model
    import peft

    if config.method == "qlora":
        model = peft.prepare_model_for_kbit_training(model)
    lora = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.targets) or "all-linear",
        task_type="CAUSAL_LM",
    )
    try:
        return peft.get_peft_model(model, lora)
    except ValueError as error:
        raise ConfigError(f"targets {list(config.targets)} fit no layer: {error}", cure="write targets = []") from error


def _trainer(config: TrainConfig, model: Any, parts: list[list[Encoded]], pad: int, report: Report | None) -> Any:
    import torch
    import transformers

    steps = math.ceil(len(parts[0]) / (config.batch_size * config.accumulate))
    every = min(config.evaluate_steps, steps)  # once an epoch at least, however small the data are
    arguments = transformers.TrainingArguments(
        output_dir=str(config.output / "checkpoints"),
        seed=config.seed,
        data_seed=config.seed,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        eval_strategy="steps",
        save_strategy="steps",
        logging_strategy="steps",
        eval_steps=every,
        save_steps=every,
        logging_steps=every,
        save_total_limit=1,
        save_only_model=True,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )

    class Reporting(transformers.TrainerCallback):  # type: ignore[misc]
        def on_log(self, _arguments: Any, state: Any, _control: Any, logs: Any = None, **_rest: Any) -> None:
            if report is not None and logs:
                report({"step": float(state.global_step), **{k: float(v) for k, v in logs.items()}})

    stopping = transformers.EarlyStoppingCallback(early_stopping_patience=config.patience)
    trainer = transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=parts[0],
        eval_dataset=parts[1],
        data_collator=partial(padded, pad=pad),
        callbacks=[stopping, Reporting()],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # a library prints nothing
    return trainer


def _saved(
    config: TrainConfig, trainer: Any, tokenizer: Any, losses: tuple[float, float], manifest: Mapping[str, Any]
) -> Trained:
    """Write the kept weights with the tokenizer, the history of losses, and their inputs.

    losses: on the validation part, before the training and of the kept weights.
    """
    import shutil

    folder = config.output / MODEL
    model = trainer.model
    trainable = sum(item.numel() for item in model.parameters() if item.requires_grad)
    parameters = sum(item.numel() for item in model.parameters())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if config.merge and config.method != "full":
        model.merge_and_unload().save_pretrained(config.output / MERGED)
        tokenizer.save_pretrained(config.output / MERGED)
    history = trainer.state.log_history
    rows = "".join(json.dumps(row) + "\n" for row in history)
    (config.output / HISTORY).write_text(rows, encoding="utf-8")
    planned = trainer.state.max_steps
    trained = Trained(
        folder, trainer.state.global_step, losses[1], losses[0],
        trainer.state.global_step < planned, trainable, parameters,
    )  # fmt: skip
    shape = {"config": config.as_dict(), "data": manifest["files"], "result": trained.as_dict()}
    (config.output / REPORT).write_text(json.dumps(shape, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(config.output / "checkpoints", ignore_errors=True)
    return trained
