"""Runs: a folder each with settings, digests, prompts, outputs and metrics; listed, compared, repeated and logged."""
