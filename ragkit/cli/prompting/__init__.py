"""Commands of prompts, examples and chains: the first steps of the ladder."""
