"""Train LoRA adapters on a sentence-transformers model with in-batch and hard negatives, and merge them in.

Method: multiple negatives ranking loss (Henderson et al. 2017; van den Oord et al. 2018), LoRA (Hu et al. 2021).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ragkit.embedding.torch_runtime import load_sentence_transformer
from ragkit.errors import MissingPackageError, ModelError
from ragkit.finetuning.embedder.pairs import Pair

SCALE: Final = 20.0
"""The factor of cosines before the softmax (a temperature of 0.05, the library's default)."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class EmbedderConfig:
    """How an embedder is tuned. patience: epochs without a lower validation loss until it stops."""

    seed: int = 0
    epochs: int = 5
    batch_size: int = 16
    learning_rate: float = 2e-4
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    patience: int = 1


@dataclass(frozen=True, slots=True)
class TunedWeights:
    """A finished training. losses: (training, validation) of each epoch; best: the kept one, 0 for the original."""

    losses: tuple[tuple[float, float], ...]
    first: float
    best: int
    trainable: int


def tune_model(
    folder: Path, out: Path, *, train: Sequence[Pair], held: Sequence[Pair], config: EmbedderConfig, progress: Progress
) -> TunedWeights:
    """Train adapters on the model of a folder, and write the model with the best of them merged in to `out`.

    held: pairs of the validation part, which choose the epoch. Raises MissingPackageError, ModelError.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingPackageError("peft", purpose="ragkit tune embedder", install="'ragkit[finetune]'") from error
    import torch

    torch.manual_seed(config.seed)
    model = load_sentence_transformer(folder, name=str(folder))
    lora = peft.LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=_layers(model[0].auto_model)
    )
    adapted = peft.get_peft_model(model[0].auto_model, lora)  # puts its layers into the model itself
    result = _Session(model, config).run(train, held, progress)
    adapted.merge_and_unload()
    model.eval()
    model.save_pretrained(str(out), safe_serialization=True, create_model_card=False)
    return result


def _layers(network: Any) -> list[str]:
    """Return the names of the projections that get adapters: those of attention, in the models' different words."""
    import torch

    names = {name.rpartition(".")[2] for name, part in network.named_modules() if isinstance(part, torch.nn.Linear)}
    wanted = names & {
        "query",
        "key",
        "value",
        "q_lin",
        "k_lin",
        "v_lin",
        "q_proj",
        "k_proj",
        "v_proj",
        "q",
        "k",
        "v",
        "Wqkv",
    }
    if not wanted:
        raise ModelError(f"the model has no attention projections that LoRA knows, only {', '.join(sorted(names))}")
    return sorted(wanted)


class _Session:
    """One training: the model, the optimizer, and the epochs with their losses."""

    def __init__(self, model: Any, config: EmbedderConfig) -> None:
        import torch

        self._model = model
        self._config = config
        adapters = [item for name, item in model.named_parameters() if "lora_" in name]
        for item in model.parameters():
            item.requires_grad_(False)
        for item in adapters:
            item.requires_grad_(True)
        self._weights = adapters
        self._optimizer = torch.optim.AdamW(adapters, lr=config.learning_rate, weight_decay=0.01)

    def run(self, train: Sequence[Pair], held: Sequence[Pair], progress: Progress) -> TunedWeights:
        """Train epoch by epoch until the validation loss does not fall any more; put the best weights back."""
        import torch

        order = list(train)
        shuffling = random.Random(self._config.seed)  # noqa: S311 - a repeatable order, no secret
        first = lowest = self._held_loss(held)
        best, kept = 0, [item.detach().clone() for item in self._weights]
        losses: list[tuple[float, float]] = []
        for epoch in range(1, self._config.epochs + 1):
            shuffling.shuffle(order)
            progress("training", epoch - 1, self._config.epochs)
            losses.append((self._epoch(order), self._held_loss(held)))
            if losses[-1][1] < lowest:
                lowest, best = losses[-1][1], epoch
                kept = [item.detach().clone() for item in self._weights]
            elif epoch - best > self._config.patience:
                break
        with torch.no_grad():
            for item, value in zip(self._weights, kept, strict=True):
                item.copy_(value)
        return TunedWeights(tuple(losses), first, best, sum(item.numel() for item in self._weights))

    def _epoch(self, pairs: Sequence[Pair]) -> float:
        self._model.train()
        total, count = 0.0, 0
        for batch in _batches(pairs, self._config.batch_size):
            loss = self._loss(batch)
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            total += float(loss.detach()) * len(batch)
            count += len(batch)
        return total / max(1, count)

    def _held_loss(self, pairs: Sequence[Pair]) -> float:
        import torch

        self._model.eval()
        with torch.no_grad():
            losses = [(float(self._loss(batch)), len(batch)) for batch in _batches(pairs, self._config.batch_size)]
        return sum(loss * size for loss, size in losses) / max(1, sum(size for _, size in losses))

    def _loss(self, batch: Sequence[Pair]) -> Any:
        """Return the cross entropy of each question's own chunk among all chunks of the batch."""
        import torch

        questions = self._embedded([pair.question for pair in batch])
        passages = self._embedded(
            [pair.positive for pair in batch] + [pair.negative for pair in batch if pair.negative]
        )
        scores = SCALE * questions @ passages.T
        return torch.nn.functional.cross_entropy(scores, torch.arange(len(batch)))

    def _embedded(self, texts: Sequence[str]) -> Any:
        """Return unit vectors (n, d) that gradients flow through."""
        import torch

        vectors = self._model(self._model.preprocess(list(texts)))["sentence_embedding"]
        return torch.nn.functional.normalize(vectors, dim=1)


def _batches(pairs: Sequence[Pair], size: int) -> list[list[Pair]]:
    """Return batches in which no chunk answers two questions: it would count as wrong for one of them."""
    batches: list[list[Pair]] = [[]]
    for pair in pairs:
        place = next(
            (
                batch
                for batch in batches[-3:]
                if len(batch) < size
                and all(pair.positive != other.positive and pair.question != other.question for other in batch)
            ),
            None,
        )
        if place is None:
            place = []
            batches.append(place)
        place.append(pair)
    return [batch for batch in batches if len(batch) > 1]
