"""A sample of every format, and files damaged at random, but the same way on every machine."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from tests.support.ingest_files import pages_pdf
from tests.support.office_files import SAMPLES as OFFICE_SAMPLES
from tests.support.outlook_files import Message, message_file
from tests.support.sheet_samples import SHEET_SAMPLES

FROZEN: Final = Path(__file__).parents[1] / "data" / "loaders"
"""Packed samples are files: what the libraries of Office formats write differs with their version and the day."""

TAKES_PLACE_OF = [
    b"\x00",
    b"\xff",
    b"<",
    b">",
    b"(",
    b"[",
    b"{",
    b'"',
    b"\\",
    b"&",
    b"%",
    b"/",
    b"\n",
    b"9" * 12,
    b"-1",
]

SAMPLES: Final[dict[str, bytes]] = {
    "a.txt": "Plain text, ä and 返品.\n\nA second paragraph.\n".encode(),
    "b.txt": "Ein Text mit Umlauten: äöü".encode("utf-16"),
    "a.md": b"---\ntitle: T\n---\n# Head\n\n- a\n- b\n\n| x | y |\n| - | - |\n| 1 | 2 |\n"
    b"\n```py\nx = 1\n```\n\n> [l](http://x) *e*\n",
    "a.html": b"<!doctype html><html><head><title>T</title><meta charset=utf-8></head><body><h1>H</h1><p>one<br>two</p>"
    b"<table><tr><th>a<td>b</table><ul><li>x</ul><script>no()</script><pre>c &amp; d</pre></body></html>",
    "a.csv": b'plan,price,"note, with comma"\nStarter,19,"two\nlines"\nTeam,49,\n',
    "a.tsv": b"plan\tprice\tsince\nStarter\t19\t2024-01-31\nTeam\t49\t\n",
    "a.json": b'{"title": "T", "rows": [{"a": 1, "b": "x\\u00e9"}, {"a": 2.5e3, "b": null}], "deep": [[[[1]]]]}',
    "a.jsonl": b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    "a.adoc": b"= Title\n:rig: Alpha\n\nNOTE: Mind {rig}.\n\n[cols=2*]\n|===\n|a |2+|b\n|===\n\n* x\n** y\n"
    b"\n----\ncode\n----\n",
    "a.mhtml": b"From: <Saved by x>\nSnapshot-Content-Location: https://a.example/\nSubject: P\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/related; type="text/html"; boundary="B"\n\n--B\nContent-Type: text/html\n'
    b"Content-Transfer-Encoding: quoted-printable\n\n<h1>T</h1><p>a=3D1<table><tr><td rowspan=3D2>x<td>y</table>\n"
    b"--B--\n",
    "a.rst": b"Title\n=====\n\n.. note:: Mind\n\n* a\n* b\n\n"
    b"===  ===\nx    y\n===  ===\n1    2\n===  ===\n\n``code``\n",
    "a.py": b'"""Doc."""\n\n\ndef f(x: int) -> int:\n    """Add."""\n    return x + 1\n\n\nclass C:\n    pass\n',
    "a.eml": b"From: a@b.c\nTo: d@e.f\nSubject: =?utf-8?q?R=C3=A9?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed;"
    b' boundary="x"\n\n--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n'
    b"Hello =C3=A9\n--x\nContent-Type: text/html\n\n<p>Hi</p>\n--x--\n",
    "a.mbox": b"From a@b Mon Mar  2 10:00:00 2026\nSubject: Oil\nFrom: a@b\n\nUse 5 l.\n\n"
    b"From c@d Tue Mar  3 11:00:00 2026\n"
    b"Subject: Fwd\nContent-Type: message/rfc822\n\nSubject: In\nContent-Type: text/plain; format=flowed\n\n"
    b"soft \nend\n> quote\n",
    "a.msg": message_file(
        Message("S", ("N", "n@x.example"), [("B", "b@x.example")], "Body.", attachments=[("a.txt", b"Words.")])
    ),
    "a.ics": b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Test\\, one\nDTSTART;TZID=Europe/Oslo:20260611T093000\n"
    b'ATTENDEE;CN="Roe, Bo":mailto:b@x.example\nEND:VEVENT\nEND:VCALENDAR\n',
    "a.ipynb": b'{"cells": [{"cell_type": "markdown", "source": ["# T\\n", "words"]}, {"cell_type": "code",'
    b' "source": "x = 1", "outputs": [{"output_type": "stream", "text": ["1\\n"]}, {"output_type": "display_data", '
    b'"data": {"text/html": "<table><tr><td>a</table>", "image/png": "iVBO"}}]}], '
    b'"metadata": {"kernelspec": {"language": "python"}}}',
    "a.vtt": b"WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:02.500\n<v Ana>Words &amp; more\n",
    "a.srt": b"1\n00:00:01,000 --> 00:00:02,000\n<i>Words</i>\n\n2\n00:00:02,000 --> 00:00:03,000\nmore\n",
    "a.xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e 'x'>]><a k='v'><r n='1'>"
    b"<b u='m'>1 &amp; &e;</b><c>t <i>m</i> u</c>"
    b"<d><e>1</e><e>2</e></d></r><r><![CDATA[<x>]]></r></a>",
    "b.xml": b"<article><title>T</title><para>One <emphasis>two</emphasis></para><section><title>S</title>"
    b"<itemizedlist><listitem><para>x</para></listitem></itemizedlist></section></article>",
    "a.yaml": b"# c\na: &x\n  b: [1, 2] # d\n  c: |\n    t\nd: *x\n---\n- e: {f: g}\n",
    "a.toml": b'# c\nt = "x"\n[a.b]\nc = [1, 2] # d\ne = """\nm\n"""\n[[f]]\ng = {h = 1}\n',
    **{name: (FROZEN / name).read_bytes() for name in ("a.epub", "a.docx", "a.pptx", "a.xlsx", "a.png")},
    **SHEET_SAMPLES,
    **OFFICE_SAMPLES,
    "a.pdf": pages_pdf(
        [[("Refunds", 18, "F2"), "The refund window is thirty days.", "", "Starter  19 EUR"], ["Page two"]]
    ),
}

LOADERS: Final = {
    "plain": ["a.txt", "b.txt"],
    "code": ["a.py"],
    "markup.markdown": ["a.md"],
    "markup.asciidoc": ["a.adoc"],
    "web.mhtml": ["a.mhtml"],
    "markup.rst": ["a.rst"],
    "web.html": ["a.html"],
    "table": ["a.csv", "a.tsv"],
    "data.json_data": ["a.json", "a.jsonl"],
    "mail.message": ["a.eml"],
    "mail.mbox": ["a.mbox"],
    "mail.outlook": ["a.msg"],
    "mail.calendar": ["a.ics"],
    "data.notebook": ["a.ipynb"],
    "data.subtitles": ["a.vtt", "a.srt"],
    "data.xml_text": ["a.xml", "b.xml"],
    "data.keyed": ["a.yaml", "a.toml"],
    "web.epub": ["a.epub"],
    "office.docx": ["a.docx", "b.docx"],
    "office.pptx": ["a.pptx", "b.pptx"],
    "office.word_xml": ["f.xml", "w.xml"],
    "office.xlsx": ["a.xlsx", "b.xlsx"],
    "pdf.reader": ["a.pdf"],
    "odf.reader": ["a.odt", "a.ods", "a.odp"],
    "rtf.reader": ["a.rtf"],
    "ocr.pictures": ["a.png"],
}
"""The modules of readers, and their samples; formats that share a reader share its time."""


def damaged(samples: Mapping[str, bytes], *corpora: Mapping[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged files without end, by turns: one of each sample, then the next file of each corpus.

    Each is made of its file, the number of the turn and the seed alone: where a corpus is not there, the rest is what
    it is elsewhere.
    """
    others = [sorted(corpus.items()) for corpus in corpora if corpus]
    for turn in count():
        for name, data in [*samples.items(), *(files[turn % len(files)] for files in others)]:
            yield f"{turn}-{name}", mutated(data, random.Random(f"{seed}/{turn}/{name}"))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change a file in one to four places; of a ZIP file often the members inside it."""
    if data[:2] == b"PK" and chance.random() < 0.6:
        with suppress(zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
            return _inside(data, chance)
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        _change(out, chance)
    return bytes(out)


def _change(out: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(out) + 1)
    size = min(chance.choice([1, 1, 2, 4, 16, 64]), len(out) - at)
    way = chance.randrange(7)
    if way == 0 and at < len(out):
        out[at] ^= 1 << chance.randrange(8)
    elif way == 1:
        out[at : at + size] = chance.randbytes(size)
    elif way == 2:
        del out[at : at + size]
    elif way == 3:
        out[at:at] = out[at : at + size] * chance.choice([1, 2, 50])
    elif way == 4:
        out[at : at + 1] = chance.choice(TAKES_PLACE_OF)
    elif way == 5:
        del out[at:]
    else:
        other = chance.randrange(len(out) + 1)
        out[at : at + size] = out[other : other + size]


def _inside(data: bytes, chance: random.Random) -> bytes:
    """Change one member, and pack the file again: stored, so that neither the day nor zlib's version shows in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        spoiled = chance.choice(names)
        for name in names:
            part = bytearray(old.read(name))
            if name == spoiled:
                for _ in range(chance.choice([1, 2, 4])):
                    _change(part, chance)
            new.writestr(zipfile.ZipInfo(name), bytes(part))
    return out.getvalue()
