"""A random Llama of a few kilobytes with a tokenizer of words, in Hugging Face's format: for tests of training."""

from __future__ import annotations

from pathlib import Path

WORDS = (
    "the a of is in mill weir lock pond moss fern oak elm ash one two three four red green blue what which how ? . :"
)


def write_tiny_llama(folder: Path, *, seed: int = 0) -> Path:
    """Write a two-layer Llama of width 32 with random weights, and a tokenizer of `WORDS` and single characters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = ["<pad>", "<unk>", "</s>", *dict.fromkeys(WORDS.split()), "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", model_max_length=128
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(names),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
