"""Proofs of reliability: faults at every system call, power cuts, damaged caches, crowds, and guards taken away."""
