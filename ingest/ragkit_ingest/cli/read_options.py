"""The options of reading a file, which `ragkit extract` and `ragkit ingest` share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from ragkit_ingest.limits import COMMENT_MODES, MIB, OCR_MODES, ReadLimits

_OPTIONS = (
    click.option(
        "--max-size",
        type=click.IntRange(1, 1 << 20),
        default=100,
        show_default=True,
        metavar="MIB",
        help="Largest file.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0.1, 86_400),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="For reading one file.",
    ),
    click.option("--keep-hidden", is_flag=True, help="Read hidden sheets, rows, columns and slides, too."),
    click.option(
        "--comments",
        type=click.Choice(COMMENT_MODES),
        default="keep",
        show_default=True,
        help="Comments of Office and OpenDocument files.",
    ),
    click.option(
        "--ocr",
        type=click.Choice(OCR_MODES),
        envvar="RAGKIT_OCR",
        default="auto",
        show_default=True,
        help="Read scanned pages and picture files by OCR (or $RAGKIT_OCR).",
    ),
    click.option(
        "--ocr-pictures",
        is_flag=True,
        envvar="RAGKIT_OCR_PICTURES",
        help="Read pictures inside documents by OCR, too (or $RAGKIT_OCR_PICTURES).",
    ),
)


def with_read_limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which receives them as one `limits`."""

    @functools.wraps(command)
    def wrapped(*, max_size: int, **rest: Any) -> Any:
        names = ("timeout", "keep_hidden", "comments", "ocr", "ocr_pictures")
        limits = ReadLimits(max_size=max_size * MIB, **{name: rest.pop(name) for name in names})
        return command(limits=limits, **rest)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
