# ruff: noqa: E501 (sources as they stand in files)
"""Markdown of site generators, reStructuredText and AsciiDoc: words stay, marks go, code stays as it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import ragkit
from ragkit.chunking.chunker import chunk_document
from ragkit.testing import HashEmbedder
from ragkit_ingest import ingest_folder
from tests.support.ingest_files import blocks, extract, headings


def text(source: str, name: str = "p.md") -> str:
    return extract(source.encode(), name).text


@pytest.mark.parametrize(
    ("front", "fields"),
    [
        (
            "---\nowner: Rosa\nsummary: |\n  Two\n  lines\ncode: 007\n---\n",
            {"owner": "Rosa", "summary": "Two lines", "code": "007"},
        ),
        ("---\ntags:\n- a\n- b\nby: {name: Rosa}\n---\n", {"tags": ("a", "b"), "by.name": "Rosa"}),
        (
            "+++\nowner = 'Rosa'\nwhen = 2031-05-06\n[extra]\nlead = 'Lead'\n+++\n",
            {"owner": "Rosa", "extra.lead": "Lead"},
        ),
        ('{\n"owner": "Rosa", "n": 3\n}\n', {"owner": "Rosa", "n": 3}),
        ('---json\n{"owner": "Rosa"}\n---\n', {"owner": "Rosa"}),
    ],
)
def test_front_matter_of_every_form_is_metadata(front: str, fields: dict[str, object]) -> None:
    found = extract(f"{front}# Pier\n\nBody words.\n".encode(), "p.md")
    assert found.text.endswith("Pier\n\nBody words.")
    assert {key: found.metadata[key] for key in fields} == fields
    lead = fields.get("summary") or fields.get("extra.lead")
    assert found.text.startswith(str(lead) if lead else "Pier")


def test_front_matter_constructs_nothing_and_survives_faults() -> None:
    found = extract(b"---\na: !!python/object/apply:os.system [x]\nb: &x [*x]\nc: ok\n---\nBody", "p.md")
    assert found.metadata == {"c": "ok"}
    broken = extract(b"---\ntitle: Good\nbad: [1, 2\n---\nBody", "p.md")
    assert broken.title == "Good"
    assert "not valid YAML" in broken.warnings[0]
    assert text("---\n\nJust prose between rules.\n\n---\n\nMore.") == "Just prose between rules.\n\nMore."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{{% alert title="Low tide" %}}\nWait *here*.\n{{% /alert %}}', "Low tide\nWait here."),
        ('See [it]({{< relref "a b.md" >}}).', "See it."),
        ('{% callout "Deep water" %}\nSwim.\n{% endcallout %}', "Deep water\nSwim."),
        ("---\nport: Kiel\n---\nThe port is {{ page.port }}.", "The port is Kiel."),
        ("## Dues {: #dues .big }\n\n![Map](m.png){ width=300 }", "Dues\n\nMap"),
        ("//// details | Ropes\n    open: true\n\n/// note\nOld *ropes*.\n///\n\n////", "Ropes\n\nNote\n\nOld ropes."),
        ('!!! tip inline "Knots"\n\n    - bowline\n    - reef', "Knots\n\n- bowline\n- reef"),
        ('???+ danger ""\n    Sharks.', "Sharks."),
        ('=== "Sail"\n\n    Up.\n\n=== "Motor"\n\n    On.', "Sail\n\nUp.\n\nMotor\n\nOn."),
        ("::: warning Storm *now*\nStay.\n:::", "Storm now\n\nStay."),
        ("> [!tip]- Folded\n> Inside.", "Folded\n\nInside."),
        ('<Aside type="tip" title="Fog">\n\n  Use **horn**.\n\n</Aside>', "Fog\n\nUse horn."),
        ("<Fee amount={73} unit='SEK' className='x' />", "Fee amount: 73, unit: SEK"),
        ("Press <F5> or <Esc>, set <port-name>.", "Press <F5> or <Esc>, set <port-name>."),
        ("Within 14<sup>7</sup> days, 10^5^ and N~2~.", "Within 14⁷ days, 10⁵ and N₂."),
        ("Since $v_1 = \\frac{d_1}{t_1}$ holds", "Since v_1 = \\frac{d_1}{t_1} holds"),
        ("Use `{{ x }}` and `<Tab title='a'>` and `{#id}`.", "Use {{ x }} and <Tab title='a'> and {#id}."),
        (
            "[Pay](https://dues.example/pay) or [site](/a) or [r].\n\n[r]: https://r.example",
            "Pay (https://dues.example/pay) or site or r (https://r.example).",
        ),
        ("```{tip} Bring boots\nIt is **wet**.\n```", "Bring boots\n\nIt is wet."),
        ("The <span style='display:none'>evil </span>end", "The end"),
        ("[[Berth plan#A|the plan]] and [[Tides]]", "the plan and Tides"),
        (
            '<figure markdown="span">\n  ![Plan of hall 4](p.png)\n  <figcaption>Hall *4*</figcaption>\n</figure>\n\nx',
            "Plan of hall 4\n\nHall *4*\n\nx",
        ),
        ("<div class='g' markdown>\n\n    - **bold** item\n\n</div>", "- bold item"),
        (
            '{{< button href="https://x.example/b" >}}Hire a van{{< /button >}} now',
            "Hire a van (https://x.example/b) now",
        ),
        ('<LinkButton href="https://x.example/b">Hire a van</LinkButton>', "Hire a van (https://x.example/b)"),
        ('Read {{< ref "tides.md" >}} or {% post_url 2027-01-02-tide %}.', "Read tides.md or 2027-01-02-tide."),
        ('<Grid rows={[["pier", 7], ["quay", 2.5]]} />', "Grid rows: pier, 7, quay, 2.5"),
        ("| Call | Use |\n|---|---|\n| a \\| b | pipe |\n| x\\|y | or |\n", "Call | Use\na \\| b | pipe\nx|y | or"),
    ],
)
def test_site_syntax_leaves_its_words(source: str, expected: str) -> None:
    assert text(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{< note >}}\n!!! tip\n    x",
        "{% if a %}\n::: tip",
        "import A from 'a'\n<Tab label='q'>\n{ #id }",
        "/// x\n--8<-- 'a'",
    ],
)
def test_code_in_fences_stays_as_it_is(source: str) -> None:
    for fence in ("```", "~~~~"):
        assert blocks(extract(f"Look:\n\n{fence}md\n{source}\n{fence}\n".encode(), "p.md"), "code") == [("md", source)]


@pytest.mark.parametrize(
    "source",
    [
        "{* ../src/{N}.py ln[2:9] *}",
        '--8<-- "src/{N}.py"',
        "<<< @/src/{N}.py#part",
        "<!--@include: ./src/{N}.py-->",
        '{{< include "src/{N}.py" >}}',
        "{% include src/{N}.py %}",
        "{{#include src/{N}.py:3}}",
        "![[src/{N}.py]]",
        "```{literalinclude} src/{N}.py\n```",
    ],
)
def test_an_included_file_is_named_and_told(source: str) -> None:
    found = extract(f"Before.\n\n{source.replace('{N}', 'winch')}\n\nAfter.".encode(), "p.md")
    assert "winch.py" in found.text
    assert any(words.startswith("include: 1 files") and "winch.py" in words for words in found.warnings)


def test_rst_of_sphinx_keeps_words_and_tables() -> None:
    source = (
        "Pump\n====\n\n.. caution:: Hot.\n\n.. seealso:: `Map <https://m.example/x>`_\n\n"
        ".. py:method:: run(speed=3)\n\n"
        "   Turns :ref:`the wheel <w>` by :class:`~a.b.Gear`.\n\n"
        ".. list-table::\n   :header-rows: 1\n\n   * - K\n     - V\n"
        "   * - a\n     - 1\n\n.. code-block:: sh\n   :linenos:\n   :caption: go.sh\n\n   go\n\n"
        ".. literalinclude:: x/run.py\n"
    )
    found = extract(source.encode(), "p.rst")
    for words in (
        "Caution\n\nHot.",
        "Map (https://m.example/x)",
        "run(speed=3)",
        "Turns the wheel by Gear.",
        "go.sh",
        "x/run.py",
    ):
        assert words in found.text
    assert blocks(found, "table") == [("K | V", "K | V\na | 1")]
    assert blocks(found, "code") == [("sh", "go")]
    assert ".. " not in found.text
    assert "run.py" in found.warnings[0]


ADOC = """= Winch
Ole Berg <ole@w.example>
:limit: 900 kg

== Loads

Lift *{limit}* at most, see https://w.example/load[the load table]. Oil^2^ is _thin_.

TIP: Grease it.

.Steps
. Hook
. Lift
+
Slowly.

[%header,cols=2*]
|===
|Size |Load
.2+|M |300
|350
|===

[source,sh]
----
lift {limit}
----

include::parts/end.adoc[]
"""


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("p.rst", "a) one\n#) two\n\n(iv) four\n(v) five\n\nIII. x\n", "a) one\nb) two\n(iv) four\n(v) five\nIII. x"),
        ("p.rst", "-q, --quiet  Say nothing\n-o FILE      Write to a file\n\n             and close it\n", "-q, --quiet: Say nothing\n\n-o FILE: Write to a file\n\nand close it"),
        ("p.rst", ":orphan:\n:tocdepth: 2\n\nBody\n\n:param str name: of a boat\n:raises KeyError: for none\n", "Body\n\nParameter name (str): of a boat\nRaises KeyError: for none"),
        ("p.adoc", ". one\n.. two\n... three\n. four\n\ntext\n\n[upperroman,start=4]\n. five\n. six\n", "1. one\n  a. two\n    i. three\n2. four\n\ntext\n\nIV. five\nV. six"),
        ("p.adoc", "Crew:: four\n* cook\n* mate\nDraft:: 2 m\n", "Crew: four\n\n- cook\n- mate\n\nDraft: 2 m"),
        ("p.adoc", "one\n\n\'\'\'\n\ntwo\n\n<<<\n\nthree\n", "one\n\ntwo\n\nthree"),
    ],
)  # fmt: skip
def test_numbers_options_and_rules_are_as_on_the_page(name: str, source: str, expected: str) -> None:
    assert text(source, name) == expected


def test_asciidoc_is_read() -> None:
    found = extract(ADOC.encode(), "w.adoc")
    assert found.title == "Winch"
    assert headings(found) == [(1, "Winch"), (2, "Loads")]
    assert "Lift 900 kg at most, see the load table (https://w.example/load). Oil² is thin." in found.text
    assert "Tip: Grease it." in found.text
    assert blocks(found, "list") == [("", "1. Hook\n2. Lift\n  Slowly.")]
    assert blocks(found, "table") == [("Size | Load", "Size | Load\nM | 300\nM | 350")]
    assert blocks(found, "code") == [("sh", "lift {limit}")]
    assert "end.adoc" in found.text
    assert "end.adoc" in found.warnings[0]


OLD_ADOC = """hoist(1)
========

NAME
----
hoist - lift a load

OPTIONS
-------
-l <kg>::
--limit <kg>::
	The heaviest load.
+
----
hoist --limit 90

SIGN
----
--pause::
	Waits for a key.

Notes
~~~~~
Oil it.
"""


def test_asciidoc_has_underlined_titles_and_terms_that_share_an_explanation() -> None:
    found = extract(OLD_ADOC.encode(), "hoist.adoc")
    assert headings(found) == [(1, "hoist(1)"), (2, "NAME"), (2, "OPTIONS"), (3, "Notes")]
    assert "-l <kg>, --limit <kg>: The heaviest load." in found.text
    assert "--pause: Waits for a key." in found.text
    assert blocks(found, "code") == [("", "hoist --limit 90\n\nSIGN")]


@pytest.mark.parametrize(
    "source",
    [
        "{{< ",
        "{% a ",
        "<A a={",
        '<A a="',
        "`` ` ",
        "$a_1 ",
        "^a",
        "[[",
        "<!-- ",
        "!!! note\n    ",
        ":::a\n",
        "<TabItem\n",
    ],
)
def test_site_syntax_made_to_hurt_takes_little_time(source: str) -> None:
    started = time.process_time()
    assert "needle" in text("needle\n\n" + source * 20_000)
    assert time.process_time() - started < 10


SITE = {
    "guide/start.md": """---
title: Start
description: How to begin.
---
# Start {#start}

!!! note "Keys"
    Fetch [the key](https://k.example/key) first.
""",
    "guide/fees.mdx": """import T from 't'

# Fees

<Tabs>
<TabItem label="Boats">

Boats pay 31 euro.

</TabItem>
</Tabs>
""",
    "hugo/moor.md": """+++
title = 'Mooring'
+++
{{< hint >}}
Tie twice.
{{< /hint >}}

```go
{{< hint >}}
```
""",
    "ref/api.rst": "API\n===\n\n.. py:function:: moor(line)\n\n   Ties a line.\n",
    "ref/winch.adoc": ADOC,
    "web/page.html": "<nav>Home</nav><h1>Opening</h1><table><tr><th>Day<th>Hours"
    "<tr><td rowspan=2>Monday<td>6<tr><td>20</table>",
}


def test_a_documentation_tree_becomes_clean_chunks(tmp_path: Path) -> None:
    for name, source in SITE.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(source)
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        report = ingest_folder(kb, tmp_path / "docs")
        assert report.count("added") == len(SITE)
        embedder = HashEmbedder()
        chunks = {n: [c.text for c in chunk_document(kb.document(n), embedder=embedder)] for n in SITE}
        assert kb.verify() == []
    whole = "\n".join(words for texts in chunks.values() for words in texts)
    for words in (
        "Keys\n\nFetch the key (https://k.example/key) first.",
        "Boats pay 31 euro.",
        "Tie twice.",
        "Monday | 20",
        "moor(line)",
    ):
        assert words in whole
    outside_code = whole.replace("\n\n{{< hint >}}", "", 1)
    for mark in ("{{<", "!!!", "<Tab", "import ", "+++", "{#", ".. py", "|===", "Home", "---"):
        assert mark not in outside_code
