"""Fine-tuning: training data, a provider's fine-tuning, and training scripts of your own."""
