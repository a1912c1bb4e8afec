"""Write measured figures into docs/performance.md, between its marks, and draw the plots beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

START, END = "<!-- bench: written by make bench -->", "<!-- bench: end -->"
_HEADINGS = ("### Ingest", "### Share", "### Questions", "### Start", "### HTTP", "### Changes")
Figures = dict[str, Any]


def write(found: dict[str, Figures], *, docs: Path) -> None:
    """Replace the measured parts between the marks, and their plots; parts that were not measured here stay."""
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    written, _, tail = rest.partition(END)
    writers = {
        "ingest": _ingest,
        "share": _share,
        "queries": _queries,
        "starts": _starts,
        "http": _http,
        "sync": _sync,
    }
    parts = [
        "\n".join(writer(found[name])).strip() if name in found else _section(written, heading)
        for (name, writer), heading in zip(writers.items(), _HEADINGS, strict=True)
    ]
    page.write_text(f"{head}{START}\n\n" + "\n\n".join(filter(None, parts)) + f"\n\n{END}{tail}", encoding="utf-8")
    _plot(found, docs)


def _section(text: str, heading: str) -> str:
    """Return the section of a page that begins with this heading; "" where there is none."""
    _, found, rest = text.partition(f"\n{heading}")
    return (heading + rest.partition("\n### ")[0]).strip() if found else ""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return a Markdown table; numbers as they are."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def _measured(command: str, figures: Figures) -> str:
    about = figures["machine"]
    command += " --quick" if figures["quick"] else ""
    return (
        f"`{command}` on {about['cores']} cores of {about['cpu']}, {about['memory_gib']} GiB, Python {about['python']},"
        f" {about['date'][:10]}, commit {about['commit']}; load before it {about['load_before']}."
    )


def _ingest(figures: Figures) -> list[str]:
    ours, plain = figures["ragkit"], figures["plain"]
    limit = f" --pages {figures['pages_limit']}" if figures["pages_limit"] and not figures["quick"] else ""
    rows: list[Sequence[object]] = [
        ("whole command, s", ours["wall_s"], plain["wall_s"], f"{figures['ratio']} times"),
        ("processor time, s", ours["cpu_s"], plain["cpu_s"], f"{figures['ratio_cpu']} times"),
        ("peak memory, MiB", ours["peak_mib"], plain["peak_mib"], ""),
        ("chunks", ours["chunks"], plain["chunks"], ""),
    ]
    rows += [
        (f"{stage}, s", ours["seconds"].get(stage, "-"), plain["seconds"].get(stage, "-"), "")
        for stage in ("parse", "chunk", "embed", "write")
    ]
    rows.append(("start and imports, s", "-", plain["seconds"]["import"], ""))
    close = figures["overlap"]
    return [
        f"### Ingest of {figures['filings']} SEC filings, {figures['pages']} pages",
        "",
        _measured(f"python -m tests.bench ingest{limit}", figures),
        "",
        *table(("", "ragkit", "plain script", "ratio"), rows),
        "",
        "The stages of ragkit overlap: parse is the time that it waits for the readers.",
        f"Top 10 of {close['questions']} questions over {close['chunks']:,} chunks, `{close['runtime']}`, torch fp32:",
        f"{close['top10_overlap']:.2%} are the same; cosines are at least {close['least_cosine']}.",
        "",
        "![Ingest per stage](performance-ingest.svg)",
    ]


def _share(figures: Figures) -> list[str]:
    rows = figures["rows"]
    works = ("ingest", "embedding with units", "embedding", "question", "question's embedding")
    head = ["processor time: needed / spent = share", *(f"`{row['runtime']}`" for row in rows)]
    limit = f" --pages {figures['pages_limit']}" if figures["pages_limit"] and not figures["quick"] else ""
    return [
        "### Share of the machine's limit",
        "",
        _measured(f"python -m tests.bench share{limit}", figures),
        "",
        *table(head, [[f"{work}, {_unit(work)}", *(_ratio(row[work]) for row in rows)] for work in works]),
        "",
        "Needed: what the model's own arithmetic takes for the tokens of the texts, at the rate of square matrix",
        f"products in the same run ({'; '.join(_rates(row) for row in rows)}).",
        f"The ingest is the whole command over {figures['files']} filings ({rows[0]['chunks']:,} chunks,",
        f"{rows[0]['tokens']:,} tokens); embedding is of some of its chunks again, with and without the vectors of",
        "their units; a question is searched in them, one at a time",
        f"({'; '.join(_latency(row) for row in rows)}).",
    ]


def _unit(work: str) -> str:
    return "ms" if work.startswith("question") else "s"


def _ratio(row: Figures) -> str:
    return f"{row['needed']} / {row['spent']} = {row['share']}"


def _rates(row: Figures) -> str:
    least, most = min(row["rates"]), max(row["rates"])
    return f"`{row['runtime']}`: {most:.0f} GFLOP/s a core, {least:.0f} to {most:.0f} in several measurements"


def _latency(row: Figures) -> str:
    return f"`{row['runtime']}`: {row['question_p50_ms']} ms at the median, {row['question_p95_ms']} ms at p95"


def _queries(figures: Figures) -> list[str]:
    rows = [
        (
            f"{size['chunks']:,}",
            size["p50_ms"],
            size["p90_ms"],
            size["p99_ms"],
            size["embed"]["p50_ms"],
            size["rest"]["p50_ms"],
            size["cpu_ms"],
            size["own_memory_mib"],
            size["disk_mib"],
            size["snapshot_s"],
            size["recall@10"],
        )
        for size in figures["sizes"]
    ]
    head = (
        "chunks",
        "p50 ms",
        "p90",
        "p99",
        "embedding p50",
        "rest p50",
        "CPU ms",
        "own memory MiB",
        "disk MiB",
        "open s",
        "recall@10",
    )
    return [
        "### Questions in process, one at a time, embedding included",
        "",
        _measured("python -m tests.bench queries", figures),
        "",
        *table(head, rows),
        "",
        "![Milliseconds of a question by size](performance-queries.svg)",
    ]


def _starts(figures: Figures) -> list[str]:
    rows = [
        (f"`{name}`", values["best_s"], values["median_s"], values["cpu_s"])
        for name, values in figures.items()
        if isinstance(values, dict) and "best_s" in values
    ]
    return [
        "### Start of a new process",
        "",
        _measured("python -m tests.bench starts", figures) + " The search is over 100,000 chunks.",
        "",
        *table(("command", "best s", "median s", "least CPU s"), rows),
    ]


def _http(figures: Figures) -> list[str]:
    names = ("chunks", "workers", "clients", "per_second", "p50_ms", "p99_ms", "cpu_ms_a_request", "remember")
    head = ("chunks", "workers", "clients", "requests/s", "p50 ms", "p99 ms", "server CPU ms a request", "remembers")
    return [
        "### HTTP search",
        "",
        _measured("python -m tests.bench http", figures) + " The clients share the cores.",
        "remembers: questions whose vectors the server keeps; the clients ask the same ones over and over.",
        "",
        *table(head, [[run.get(name, 0) for name in names] for run in figures["runs"]]),
        "",
        "![Requests a second](performance-http.svg)",
    ]


def _sync(figures: Figures) -> list[str]:
    again, changed = figures["unchanged"], figures["changed"]
    turns = f"{len(changed['until_found_s'])}, in {changed['chunks']:,} chunks"
    return [
        "### Changes",
        "",
        _measured("python -m tests.bench sync", figures),
        "",
        *table(
            ("what", "seconds"),
            [
                (f"`ragkit ingest` of {again['files']:,} unchanged files, best of 3", again["again_s"]),
                (f"one changed document until a running server finds it, worst of {turns}", changed["worst_s"]),
            ],
        ),
    ]


def _plot(found: dict[str, Figures], docs: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.hashsalt": "ragkit", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    from matplotlib import pyplot as plt

    def save(name: str) -> None:
        plt.tight_layout()
        plt.savefig(docs / f"performance-{name}.svg", metadata={"Date": None})
        plt.close()

    if "ingest" in found:
        _plot_ingest(plt, found["ingest"])
        save("ingest")
    if "queries" in found:
        _plot_queries(plt, found["queries"])
        save("queries")
    if "http" in found:
        _plot_http(plt, found["http"])
        save("http")


def _plot_ingest(plt: Any, figures: Figures) -> None:
    _, axes = plt.subplots(figsize=(6.4, 2.2))
    plain, ours = figures["plain"], figures["ragkit"]
    left = 0.0
    for stage, colour in (("import", "#bbbbbb"), ("parse", "#4477aa"), ("chunk", "#ccbb44"), ("embed", "#ee6677")):
        width = plain["seconds"][stage]
        axes.barh("plain script", width, left=left, color=colour, label=stage)
        left += width
    axes.barh("ragkit", ours["wall_s"], color="#228833", label="all stages, overlapping")
    for name, value in (("plain script", plain["wall_s"]), ("ragkit", ours["wall_s"])):
        axes.text(value, name, f" {value:.0f} s", va="center")
    axes.set_xlabel(f"seconds for {figures['pages']} pages")
    axes.set_xlim(0, 1.15 * plain["wall_s"])
    axes.legend(fontsize=7, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def _plot_queries(plt: Any, figures: Figures) -> None:
    _, axes = plt.subplots(figsize=(6.4, 3))
    sizes = [size["chunks"] for size in figures["sizes"]]
    for label, values, style in (
        ("p99", [size["p99_ms"] for size in figures["sizes"]], "o--"),
        ("p50", [size["p50_ms"] for size in figures["sizes"]], "o-"),
        ("p50 of the embedding alone", [size["embed"]["p50_ms"] for size in figures["sizes"]], "o:"),
    ):
        axes.plot(sizes, values, style, label=label)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("chunks in the collection")
    axes.set_ylabel("ms a question")
    axes.legend(frameon=False)


def _plot_http(plt: Any, figures: Figures) -> None:
    _, axes = plt.subplots(figsize=(6.4, 2.4))
    for run in figures["runs"]:
        name = f"{run['chunks']:,} chunks, {run['workers']} worker" + ("s" if run["workers"] > 1 else "")
        name += ", asked before" if run.get("remember") else ""
        axes.barh(name, run["per_second"], color="#4477aa")
        axes.text(run["per_second"], name, f" {run['per_second']:.0f}/s, p99 {run['p99_ms']:.0f} ms", va="center")
    axes.set_xlim(0, 1.6 * max(run["per_second"] for run in figures["runs"]))
    axes.invert_yaxis()
    axes.set_xlabel(f"requests a second, {figures['runs'][0]['clients']} clients")
