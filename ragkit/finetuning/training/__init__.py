"""A training script of your own: LoRA, QLoRA or all weights, on one machine or on a Ray cluster."""
