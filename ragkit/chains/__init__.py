"""Chains: small YAML files of named steps that classify, extract, search, query a database, generate and check."""

from ragkit.chains.chain import Chain, load_chain
from ragkit.chains.trace import ChainRun, StepTrace

load = load_chain

__all__ = ["Chain", "ChainRun", "StepTrace", "load", "load_chain"]
