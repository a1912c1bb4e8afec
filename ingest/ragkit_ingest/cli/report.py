"""The printed report of ingest: changes, files left out with reasons, and the time of each stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ragkit import show
from ragkit_ingest.report import Action, Change, IngestReport, Problem

LISTED = 20
"""Lines of one list on the screen; --json has all of them. A dry run lists every change."""
_NAMED = 5
_SIGNS: Mapping[Action, tuple[str, str]] = {
    "added": ("+", "green"),
    "changed": ("~", "yellow"),
    "removed": ("-", "red"),
    "renamed": (">", "cyan"),
    "reread": ("=", "blue"),
}
_STAGES = ("walk", "parse", "chunk", "embed", "write", "total")


def print_report(report: IngestReport, *, collection: str, status: Mapping[str, Any] | None) -> None:
    """Print a report. status: the present content of the collection, None to leave that out."""
    _print_head(report, collection)
    _print_changes(report.changes, limit=len(report.changes) if report.dry_run else LISTED)
    if report.add.chunks:
        click.echo(f"  {_amounts(report)}")
    if not report.dry_run:
        click.echo(f"  {_times(report.seconds)}")
    for note in report.notes:
        click.echo(f"  note: {show(note)}")
    _print_forecast(report)
    _print_warned(report)
    _print_skipped(report)
    _print_failed(report)
    if status is not None:
        click.echo(
            f"{show(collection)} holds {_many(status['documents'], 'document')}, {_many(status['pages'], 'page')},"
            f" {_many(status['chunks'], 'chunk')} (generation {status['generation']})"
        )
    if report.interrupted:
        rest = f"; {_many(report.remaining, 'file')} to go" if report.remaining else ""
        click.echo(f"stopped{rest}: what was committed stays; run the same command again for the rest")


def _print_head(report: IngestReport, collection: str) -> None:
    paths = ", ".join(show(path) for path in report.paths[:3])
    more = f" and {len(report.paths) - 3} more" if len(report.paths) > 3 else ""
    verb = "would change" if report.dry_run else "is up to date with"
    rest = f", but for {len(report.failed):,} that failed" if report.failed else ""
    if report.interrupted:
        rest = ""
        verb = "was being brought up to date with"
    click.echo(click.style(f"{show(collection)} {verb} {paths}{more}{rest}", bold=True))
    if not report.files and not report.changes and not report.kept:
        click.echo("  there are no files to read")
        return
    actions: tuple[Action, ...] = ("added", "changed", "removed", "renamed")
    counts = [f"{report.count(action):,} {action}" for action in actions]
    if report.count("reread"):
        counts.append(f"{report.count('reread'):,} to read again with newer readers")
    counts.append(f"{report.unchanged:,} unchanged")
    if report.kept:
        counts.append(f"{report.kept:,} kept as they were")
    click.echo(f"  {' · '.join(counts)}")


def _print_changes(changes: Sequence[Change], *, limit: int) -> None:
    for change in changes[:limit]:
        sign, colour = _SIGNS[change.action]
        was = f"  (was {show(change.old)})" if change.old else ""
        click.echo(f"  {click.style(sign, fg=colour)} {show(change.source)}{was}")
    _print_more(len(changes) - limit)


def _amounts(report: IngestReport) -> str:
    add = report.add
    parts = [_many(add.pages, "page")] if add.pages else []
    parts += [_many(add.chunks, "chunk"), f"{add.embedded:,} embedded", f"truncated: {add.truncated} of {add.chunks:,}"]
    return " · ".join(parts)


def _times(seconds: Mapping[str, float]) -> str:
    return " · ".join(f"{stage} {seconds[stage]:.1f} s" for stage in _STAGES if stage in seconds)


def _print_forecast(report: IngestReport) -> None:
    """Print, for a dry run, the files that will be read by type, and the others by reason and type."""
    read = [line for line in report.forecast if not line.reason]
    if read:
        click.echo(f"to be read by type: {' · '.join(f'{line.files:,} {line.type}' for line in read)}")
    left = [line for line in report.forecast if line.reason]
    if left:
        click.echo("not to be read:")
    for line in left[:LISTED]:
        detail = f": {show(line.detail, 100)}" if line.detail else ""
        click.echo(f"  {line.files:>5,}  {line.type}  {line.reason}{detail}")
    _print_more(len(left) - LISTED)


def _print_warned(report: IngestReport) -> None:
    if not report.warned:
        return
    click.echo(click.style(f"read with losses: {len(report.warned):,}", fg="yellow"))
    if len(report.warned) > 1:
        for kind, count in list(report.warnings_by_kind().items())[:LISTED]:
            click.echo(f"  {count:>5,}  {show(kind, 120)}")
    for item in report.warned[:LISTED]:
        words = "; ".join(item.warnings[:3]) + (f" and {len(item.warnings) - 3} more" if len(item.warnings) > 3 else "")
        click.echo(f"  {show(item.source)}: {show(words, 200)}")
    _print_more(len(report.warned) - LISTED)


def _print_skipped(report: IngestReport) -> None:
    skipped = report.skipped
    if not skipped:
        return
    by_reason: dict[str, list[Problem]] = defaultdict(list)
    for problem in skipped:
        by_reason[problem.reason].append(problem)
    click.echo(f"skipped: {len(skipped):,}")
    width = max(len(reason) for reason in by_reason)
    for reason, problems in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        names = ", ".join(_name(problem, report) for problem in problems[:_NAMED])
        more = f", and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
        click.echo(f"  {reason:<{width}}  {len(problems):>5,}  {names}{more}")


def _print_failed(report: IngestReport) -> None:
    failed = report.failed
    if not failed:
        return
    click.echo(click.style(f"failed: {len(failed):,}", fg="red", bold=True))
    width = max(len(problem.reason) for problem in failed[:LISTED])
    for problem in failed[:LISTED]:
        detail = f": {show(problem.detail, 160)}" if problem.detail else ""
        click.echo(f"  {problem.reason:<{width}}  {_name(problem, report)}{detail}{_kept(problem)}")
    _print_more(len(failed) - LISTED)


def _kept(problem: Problem) -> str:
    if not problem.kept:
        return ""
    return " (what it held stays)" if problem.path.endswith("/") else " (its earlier version stays)"


def _name(problem: Problem, report: IngestReport) -> str:
    several = len({other.root for other in report.problems}) > 1
    path = f"{problem.root}/{problem.path}" if several else problem.path
    return show(path, 120) + (" [earlier version stays]" if problem.kept and not problem.failed else "")


def _print_more(count: int) -> None:
    if count > 0:
        click.echo(f"  … and {count:,} more; --json lists all")


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
