"""The training script on a random Llama of a few kilobytes: what is trained, kept, written, and never read."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragkit import ConfigError, ConflictError, InputError, MissingPackageError, ModelError
from ragkit.advice.mistakes import find_mistakes
from ragkit.cli.app import cli
from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.finetuning.training.config import TEMPLATE, TrainConfig, read_config
from ragkit.finetuning.training.data import IGNORED, Encoded, load_encoded, padded
from ragkit.finetuning.training.train import base_model
from ragkit.tracking.catalog import list_runs
from tests.support.packages import needs
from tests.support.tiny_llama import write_tiny_llama

pytestmark = [needs("peft", "accelerate"), pytest.mark.usefixtures("one_thread")]
PLACES = ["mill", "weir", "lock", "pond", "moss", "fern", "oak", "elm", "ash"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples in which the answer follows from the question: `what is in the X of the Y` -> `the X is red`."""
    folder = tmp_path_factory.mktemp("export")
    rows = []
    for number, (one, two) in enumerate((one, two) for one in PLACES for two in PLACES if one != two):
        rows.append(
            {"input": f"what is in the {one} of the {two} ?", "output": f"the {one} is red .", "document": f"d{number}"}
        )
    path = folder / "e.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    system = folder / "system.txt"
    system.write_text("how")
    words = ["export", "finetune", str(path), str(folder / "data"), "--format", "messages", "--system", str(system)]
    assert CliRunner().invoke(cli, words).exit_code == 0
    return folder / "data"


def configure(folder: Path, base: Path, data: Path, **more: object) -> Path:
    values = {
        "model": str(base), "data": str(data), "output": "out", "epochs": 6, "learning_rate": 0.02, "batch_size": 8,
        "accumulate": 1, "evaluate_steps": 7, "rank": 4, "alpha": 8, "dropout": 0.0, "max_tokens": 64, **more,
    }  # fmt: skip
    path = folder / "train.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["finetune", *words])


def trained(configuration: Path, folder: Path) -> dict[str, Any]:
    """Return the result of a training; its run is recorded in the folder `kb` of `folder`."""
    result = run("train", str(configuration), "--data", str(folder / "kb"), "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    shape: dict[str, Any] = json.loads(result.stdout)
    return shape


@pytest.mark.filterwarnings("ignore")
def test_lora_lowers_the_validation_loss_and_never_opens_the_test_file(tmp_path: Path, base: Path, data: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    copy = tmp_path / "data"
    copy.mkdir()
    for path in data.iterdir():
        if path.name != "test.jsonl":
            (copy / path.name).write_bytes(path.read_bytes())
    config = configure(tmp_path, base, copy, merge=True)
    result = run("train", str(config), "--data", str(tmp_path / "kb"), "--json")
    assert result.exit_code == 0, result.output
    shape = json.loads(result.stdout)
    assert shape["eval_loss"] < 0.9 * shape["first_eval_loss"]
    assert 0 < shape["trainable"] < shape["parameters"] / 2
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"model", "merged", "history.jsonl", "training.json"}
    assert (out / "model" / "adapter_model.safetensors").is_file()
    assert (out / "merged" / "model.safetensors").is_file()
    assert not [path for path in out.rglob("*") if path.suffix in {".bin", ".pt"}]
    assert AutoPeftModelForCausalLM.from_pretrained(str(out / "model")).peft_config["default"].r == 4
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert min(row["eval_loss"] for row in history if "eval_loss" in row) == shape["eval_loss"]
    told = json.loads((out / "training.json").read_text())
    assert (
        told["data"]["train.jsonl"]["sha256"]
        == json.loads((copy / "manifest.json").read_text())["files"]["train.jsonl"]["sha256"]
    )
    (kept,) = list_runs(tmp_path / "kb" / "runs")
    assert (kept.kind, kept.metrics["eval_loss"]) == ("train", shape["eval_loss"])
    assert isinstance(run("train", str(config)).exception, ConflictError)


@pytest.mark.filterwarnings("ignore")
def test_training_stops_early_and_keeps_the_weights_of_the_lowest_loss(tmp_path: Path, base: Path, data: Path) -> None:
    config = configure(tmp_path, base, data, method="full", learning_rate=0.4, epochs=30, patience=2, evaluate_steps=3)
    shape = json.loads(run("train", str(config), "--data", str(tmp_path / "kb"), "--json").stdout)
    assert shape["stopped_early"]
    assert shape["trainable"] == shape["parameters"]
    losses = [
        json.loads(line).get("eval_loss") for line in (tmp_path / "out" / "history.jsonl").read_text().splitlines()
    ]
    held = [loss for loss in losses if loss is not None]
    assert shape["eval_loss"] == min(held[1:])
    for name in ("train", "validation"):
        (tmp_path / "out" / f"{name}.jsonl").write_bytes((data / f"{name}.jsonl").read_bytes())
    assert "overfitting" in {item.kind for item in find_mistakes(tmp_path / "out")} or held[-1] <= min(held) * 1.02


@pytest.mark.filterwarnings("ignore")
def test_a_seed_decides_the_losses_and_small_data_are_measured_too(tmp_path: Path, base: Path, data: Path) -> None:
    losses = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        config = configure(tmp_path, base, data, output=name, seed=seed, epochs=1, evaluate_steps=1_000)
        losses.append(
            json.loads(run("train", str(config), "--data", str(tmp_path / "kb"), "--json").stdout)["eval_loss"]
        )
    assert losses[0] == losses[1] != losses[2]


def test_only_the_answer_is_learned(tmp_path: Path, base: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    path = tmp_path / "t.jsonl"
    row = {"messages": [{"role": "user", "content": "what is red ?"}, {"role": "assistant", "content": "the oak"}]}
    path.write_text(json.dumps(row) + "\n")
    (encoded,) = load_encoded(path, tokenizer, max_tokens=64)
    learned = [token for token in encoded.labels if token != IGNORED]
    assert tokenizer.decode(learned).split() == ["the", "oak</s>"] or tokenizer.decode(learned).split()[:2] == [
        "the",
        "oak",
    ]
    assert learned == encoded.input_ids[-len(learned) :]
    with pytest.raises(DatasetError, match=r"t\.jsonl:1.*max_tokens 5"):
        load_encoded(path, tokenizer, max_tokens=5)
    for messages, said in (
        ('[{"role": "user", "content": "x"}]', "assistant"),
        ('["what is red ?", "the oak"]', "role and content"),
        ('[{"role": "user", "content": "x"}, {"role": "assistant", "content": null}]', "role and content"),
    ):
        path.write_text(f'{{"messages": {messages}}}\n')
        with pytest.raises(DatasetError, match=rf"t\.jsonl:1.*{said}"):
            load_encoded(path, tokenizer, max_tokens=64)
    path.write_text("")
    with pytest.raises(InputError, match="empty"):
        load_encoded(path, tokenizer, max_tokens=64)


def test_padding_is_neither_seen_nor_learned() -> None:
    batch = padded([Encoded([5, 6, 7], [IGNORED, 6, 7]), Encoded([8], [8])], pad=0)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[IGNORED, 6, 7], [8, IGNORED, IGNORED]]


# ------------------------------------------------------------------ the configuration


def test_the_printed_configuration_is_valid_and_has_every_key(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(run("config").stdout)
    read = read_config(path)
    assert replace(read, model=Path("m"), data=Path("d"), output=Path("o")) == TrainConfig(
        Path("m"), Path("d"), Path("o")
    )
    assert read.data == tmp_path / "data"
    assert set(re.findall(r"^(\w+) =", TEMPLATE, re.MULTILINE)) == set(TrainConfig.__slots__)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("epochs = 0", "epochs"),
        ("rank = 2.5", "whole number"),
        ('method = "dora"', "qlora"),
        ("merge = 1", "true or false"),
        ('targets = "q_proj"', "targets"),
        ("learning_rate = true", "learning_rate"),
        ("speed = 3", "speed"),
        ("epochs = ", "not TOML"),
    ],
)
def test_a_faulty_configuration_is_refused_by_key(tmp_path: Path, line: str, word: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'model = "m"\ndata = "d"\noutput = "o"\n{line}\n')
    with pytest.raises(ConfigError, match=word) as caught:
        read_config(path)
    assert "c.toml" in str(caught.value)


def test_missing_folders_and_pickled_or_absent_models_are_refused(tmp_path: Path, data: Path) -> None:
    assert isinstance(run("train", str(configure(tmp_path, tmp_path / "no", data))).exception, ModelError)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_text("{}")
    (tmp_path / "old" / "pytorch_model.bin").write_bytes(b"x")
    failed = run("train", str(configure(tmp_path, tmp_path / "old", data)))
    assert "no safetensors" in str(failed.exception)
    assert isinstance(run("train", str(configure(tmp_path, tmp_path, tmp_path))).exception, InputError)


@pytest.mark.filterwarnings("ignore")
def test_qlora_without_bitsandbytes_is_a_clear_error(
    tmp_path: Path, base: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    failed = run("train", str(configure(tmp_path, base, data, method="qlora")), "--data", str(tmp_path / "kb"))
    assert isinstance(failed.exception, MissingPackageError)
    assert "ragkit[qlora]" in str(failed.exception)
    (kept,) = list_runs(tmp_path / "kb" / "runs")
    assert (kept.status, "bitsandbytes" in kept.error) == ("failed", True)


@pytest.mark.filterwarnings("ignore")
@needs("bitsandbytes")
def test_qlora_trains_adapters_on_a_model_of_four_bits(tmp_path: Path, base: Path, data: Path) -> None:
    shape = trained(configure(tmp_path, base, data, method="qlora", epochs=3), tmp_path)
    assert shape["eval_loss"] < shape["first_eval_loss"]
    whole = trained(configure(tmp_path, base, data, method="lora", epochs=0.2, output="whole"), tmp_path)
    assert shape["trainable"] == whole["trainable"]
    assert shape["parameters"] < whole["parameters"], "two weights of four bits are counted as one byte"
    saved = json.loads((tmp_path / "out" / "model" / "adapter_config.json").read_text())
    assert saved["r"] == 4
    assert (tmp_path / "out" / "model" / "adapter_model.safetensors").is_file()


@pytest.mark.filterwarnings("ignore")
@needs("bitsandbytes")
def test_a_validation_between_steps_leaves_the_gradient_of_four_bit_layers(
    tmp_path: Path, base: Path, data: Path
) -> None:
    import torch
    import transformers

    model = base_model(read_config(configure(tmp_path, base, data, method="qlora")), transformers)
    tokens = torch.tensor([[3, 4, 5, 6]])
    start = model.get_input_embeddings()(tokens).detach()

    def gradient() -> torch.Tensor:
        model.train()
        inputs = start.clone().requires_grad_(True)
        model(inputs_embeds=inputs, labels=tokens).loss.backward()
        assert inputs.grad is not None
        return inputs.grad

    before = gradient()
    assert before.abs().max() > 0
    with torch.no_grad():
        model.eval()(tokens)
    assert torch.equal(gradient(), before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@needs("ray", "tensorboardX")
def test_ray_train_runs_the_same_training(tmp_path: Path, base: Path, data: Path) -> None:
    config = configure(tmp_path, base, data, epochs=2)
    result = run("train", str(config), "--ray", "--data", str(tmp_path / "kb"), "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    shape = json.loads(result.stdout)
    assert shape["eval_loss"] < shape["first_eval_loss"]
    assert (tmp_path / "out" / "model" / "adapter_model.safetensors").is_file()
    assert list((tmp_path / "ray").rglob("adapter_model.safetensors")), "no checkpoint was reported"
