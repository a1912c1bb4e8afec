"""The chat model that needs no LLM: it quotes the sentences that answer."""
