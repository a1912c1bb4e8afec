"""Check statements against prose: why a sentence with the same words does not support them."""
