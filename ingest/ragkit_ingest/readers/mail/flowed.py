"""Text that mail programs wrapped for transport (RFC 3676): soft line breaks are removed."""

from __future__ import annotations


def unflow(text: str, *, delsp: bool = False) -> str:
    """Return a text of `format=flowed` with its paragraphs on one line each; quotes keep their depth.

    delsp: the blank before a soft line end was added too.
    """
    out: list[str] = []
    open_depth = -1  # depth of the paragraph that goes on, -1 for none
    for raw in text.replace("\r\n", "\n").split("\n"):
        depth = len(raw) - len(raw.lstrip(">"))
        line = raw[depth:]
        line = line.removeprefix(" ")  # stuffed, so that no line looks like a quote
        signature = line == "-- "
        if open_depth == depth and not signature:
            out[-1] += line
        else:
            out.append(f"{'>' * depth} {line}" if depth else line)
        soft = line.endswith(" ") and not signature
        open_depth = depth if soft else -1
        if soft and delsp:
            out[-1] = out[-1][:-1]
    return "\n".join(line.rstrip(" ") if line != "-- " else line for line in out)
