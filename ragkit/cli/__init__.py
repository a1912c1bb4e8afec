"""The `ragkit` command."""

from ragkit.cli.app import cli, main, run

__all__ = ["cli", "main", "run"]
