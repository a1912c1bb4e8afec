"""What a statement says in other words than its source: synonyms, antonyms, notations."""
