"""What to do next, and what it costs: prompting, few-shot, RAG, chains, a stronger model, or fine-tuning."""
