"""The line of each command in the help of `ragkit`, which is shown without loading the command."""

from __future__ import annotations

from typing import Final

SUMMARIES: Final = {
    "search": "Find the passages that answer a question.",
    "prompt": "Print a grounded prompt for any chat model.",
    "ask": "Answer a question with checked citations.",
    "chat": "Keep a conversation with the documents in the terminal.",
    "check": "Check the statements of a text against the documents.",
    "status": "Show what a collection holds.",
    "history": "List the generations of a collection.",
    "documents": "List the documents of a collection.",
    "collections": "List, create or delete collections.",
    "remove": "Remove documents by source.",
    "verify": "Check every hash, offset and quote.",
    "doctor": "Check the database and the caches.",
    "rebuild": "Cut and embed again, with another model if wanted.",
    "backup": "Write a collection to one verified file.",
    "restore": "Make a collection from a backup.",
    "adapt": "Adapt queries to your documents, where that helps.",
    "prompts": "List, show, check and compare prompt templates.",
    "examples": "Keep the few-shot examples of a collection.",
    "chain": "Run chains of prompts, searches and database queries.",
    "eval": "Measure retrieval, or answers, on a data set.",
    "advise": "Advise on the next step, up to fine-tuning.",
    "cost": "Calculate the monthly cost, and when tuning pays.",
    "runs": "List, show, compare and repeat recorded runs.",
    "export": "Write training data for fine-tuning.",
    "finetune": "Fine-tune a model: a provider's or your own.",
    "tune": "Tune the embedding model, where that helps.",
    "models": "List, compile, distil and check embedding models.",
}
