"""The commands of the ladder: decide, calculate, evaluate answers, keep runs, and export for fine-tuning."""
