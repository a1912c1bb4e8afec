"""Notebooks, subtitles, XML, YAML, TOML: words and values with their names; no base64, no marks, nothing expanded."""

from __future__ import annotations

import base64
import json
import random
import time

import pytest

from ragkit import ExtractionError
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.readers.base import Budget, Hints
from ragkit_ingest.readers.data.xml_text import XmlReader
from ragkit_ingest.readers.sniff import CODE, NOTEBOOK, SRT, TOML, VTT, XML, YAML
from ragkit_ingest.readers.text.embedded import cut_embedded, is_minified
from tests.support.ingest_files import blocks, extract, headings, media_type, outcome

PICTURE = base64.b64encode(random.Random(5).randbytes(1_500)).decode()


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"<?xml version='1.0'?><a/>", "parts", XML),
        (b"<a>x</a>", "a.xml", XML),
        (b"<xs:schema/>", "a.xsd", CODE),
        (b"a: 1", "a.yml", YAML),
        (b"a = 1", "a.toml", TOML),
        (b"{}", "a.ipynb", NOTEBOOK),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nx", "talk", VTT),
        (b"1\n00:00:01,000 --> 00:00:02,000\nx", "a.srt", SRT),
    ],
)
def test_types(data: bytes, name: str, expected: str) -> None:
    assert media_type(data, name) == expected


# --------------------------------------------------------------------- notebooks


def notebook(*cells: object, **more: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, **more}).encode()


def test_a_notebook_is_its_cells_and_the_text_of_its_outputs() -> None:
    outputs = [
        {"output_type": "stream", "text": ["\x1b[31mhigh\x1b[0m water 06:12\n"]},
        {"output_type": "execute_result", "data": {"text/plain": "41", "image/png": PICTURE}},
        {"output_type": "display_data", "data": {"text/plain": "<Figure size 3x2 with 1 Axes>", "image/png": PICTURE}},
        {"output_type": "execute_result", "data": {"text/plain": "a  b", "text/html": "<table><tr><th>port<th>depth"
                                                   "<tr><td>Aber<td>7 m</table>"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no tide", "traceback": ["\x1b[1m…"]},
    ]  # fmt: skip
    data = notebook(
        {"cell_type": "markdown", "source": ["# Tides\n", "Damping is *0.31*."], "attachments": {"a.png": {}}},
        {"cell_type": "code", "source": "x = tide(4)", "outputs": outputs},
        {"cell_type": "raw", "source": "raw words"},
        metadata={"kernelspec": {"language": "python"}},
    )
    found = extract(data, "t.ipynb")
    assert found.title == "Tides"
    assert ("python", "x = tide(4)") in blocks(found, "code")
    for words in ("Damping is 0.31.", "high water 06:12", "41", "Aber | 7 m", "ValueError: no tide", "raw words"):
        assert words in found.text
    for words in ("Figure", "cell_type", PICTURE[:20], "\x1b"):
        assert words not in found.text
    assert found.warnings == ("pictures and other data of cells left out: 3",)


def test_old_and_broken_notebooks_are_read_as_far_as_they_go() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "y = 2", "outputs": [{"text": "two"}]}]}]}
    assert "y = 2" in extract(json.dumps(old).encode(), "a.ipynb").text
    assert "not a correct notebook" in extract(b"{ broken words", "a.ipynb").warnings[0]
    assert extract(b'{"kind": "settings"}', "a.ipynb").text == "kind: settings"
    assert "left out: 1" in extract(notebook(3, {"cell_type": "raw", "source": "x"}), "a.ipynb").warnings[0]


# --------------------------------------------------------------------- subtitles


def test_subtitles_are_speech_with_speakers_and_times() -> None:
    vtt = (
        "WEBVTT - talk\n\nSTYLE\n::cue { color: red }\n\nNOTE for the editor\n\nintro\n"
        "00:01.000 --> 00:03.000 align:start\n"
        "<v Ana>The pump <i>must</i> rest\n\n00:03.000 --> 00:05.500\n<v Ana>for ten &amp; more minutes.\n\n"
        "00:05.600 --> 00:07.000\n<v.loud Bo Lind>Why?\n\n01:00:00.000 --> 01:00:02.000\nLate.\n"
    )
    found = extract(vtt.encode(), "a.vtt")
    assert found.text == (
        "[0:00:01] Ana: The pump must rest for ten & more minutes.\n\n[0:00:05] Bo Lind: Why?\n\n[1:00:00] Late."
    )
    assert found.metadata["duration"] == "1:00:02"
    assert found.warnings == ("notes for editors left out: 1",)


def test_a_sentence_goes_on_over_a_cue_that_names_no_speaker() -> None:
    cues = ("<v Bea>The valve opens", "at nine bar.", "Why? asks nobody.")
    times = (f"00:0{at}.000 --> 00:0{at + 1}.000" for at in range(3))
    vtt = "WEBVTT\n\n" + "\n\n".join(map("\n".join, zip(times, cues, strict=True)))
    assert (
        extract(vtt.encode(), "a.vtt").text
        == "[0:00:00] Bea: The valve opens at nine bar.\n\n[0:00:02] Why? asks nobody."
    )


def test_subrip_needs_no_blank_lines_and_rolling_captions_are_said_once() -> None:
    srt = (
        "1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}Grease the\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\n"
        "Grease the\r\n<font color=red>bearing.</font>\r\n"
    )
    assert extract(srt.encode(), "a.srt").text == "[0:00:01] Grease the bearing."
    assert extract(b"no times at all", "a.srt").warnings == ("no times in it: read as plain text",)


# --------------------------------------------------------------------- XML


def test_a_property_list_is_its_keys_and_values_under_one_head() -> None:
    keys = "<key>Port</key><integer>80</integer><key>On</key><true/><key>Old</key><false/>"
    found = extract(f'<?xml version="1.0"?><plist version="1.0"><dict>{keys}</dict></plist>'.encode(), "a.plist")
    assert found.text == "plist (version 1.0)\n\ndict\nPort: 80\nOn: true\nOld: false"


def test_data_keeps_names_values_units_and_attributes() -> None:
    xml = (
        '<?xml version="1.0"?><stock site="Aber" xmlns:q="urn:q"><q:item no="A1">'
        "<name>Ring &lt;new&gt; &amp; seal</name>"
        '<torque unit="Nm">33</torque><size><w unit="mm">3</w><h unit="mm">4</h></size>'
        "<note>Use <b>dry</b> cloth</note><note><b>Hot</b> surface</note>"
        "<raw><![CDATA[Fit <dry> only.]]></raw></q:item><item no='B2'/></stock>"
    )
    assert extract(xml.encode(), "a.xml").text == (
        "stock (site Aber)\n\nitem (no A1)\nname: Ring <new> & seal\ntorque: 33 Nm\nsize > w: 3 mm\nsize > h: 4 mm\n"
        "note: Use dry cloth\nnote: Hot surface\nraw: Fit <dry> only.\n\nitem (no B2)"
    )


def test_feeds_documents_and_property_lists_read_as_what_they_are() -> None:
    feed = "<rss><channel><title>News</title>" + "".join(
        f"<item><title>T{n}</title>"
        f"<description>&lt;p&gt;Dock {n} is &lt;b&gt;shut&lt;/b&gt;&lt;/p&gt;</description></item>"
        for n in (1, 2)
    )
    found = extract((feed + "</channel></rss>").encode(), "a.rss")
    assert found.title == "News"
    assert "item\ntitle: T2\ndescription: Dock 2 is shut" in found.text
    book = (
        "<article><title>Pump</title><para>Use <emphasis>only</emphasis> oil.</para><section><title>Care</title>"
        "<itemizedlist><listitem><para>Clean</para></listitem></itemizedlist><informaltable><tgroup><tbody><row><entry>"
        "a</entry><entry>b</entry></row></tbody></tgroup></informaltable>"
        "<screen>x = 1\n  y</screen></section></article>"
    )
    found = extract(book.encode(), "a.xml")
    assert headings(found) == [(1, "Pump"), (2, "Care")]
    assert "Use only oil." in found.text
    assert [text for _, text in blocks(found, "table")] == ["a | b"]
    assert [text for _, text in blocks(found, "code")] == ["x = 1\n  y"]
    plist = b"<plist><dict><key>Limit</key><integer>4</integer></dict></plist>"
    assert "Limit: 4" in extract(plist, "a.plist").text


def test_no_entity_is_expanded_and_nothing_is_fetched() -> None:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    xml = f'<!DOCTYPE a [<!ENTITY e0 "lol"><!ENTITY f SYSTEM "file:///etc/passwd">{bomb}]><a>x &e11; &f; y</a>'
    found = extract(xml.encode(), "a.xml")
    assert found.text == "a: x &e11; &f; y"
    assert "not resolved" in found.warnings[0]
    assert outcome(b"<a>" * 5_000 + b"x" + b"</a>" * 5_000, "a.xml") == "too_deep"


def test_broken_xml_keeps_what_comes_after_the_mistake() -> None:
    found = extract(b"<a><b>one</b><c>two</a>\n<d>three &nbsp; four</d>", "a.xml")
    assert "b: one" in found.text
    assert "three" in found.text
    assert "not correct XML" in found.warnings[0]
    assert (
        extract("<?xml version='1.0' encoding='windows-1251'?><a>Насос</a>".encode("cp1251"), "a.xml").text
        == "a: Насос"
    )


def test_a_large_list_of_records_is_read_in_steps() -> None:
    rows = "".join(f"<row><id>{n}</id><name>part {n}</name></row>" for n in range(30_000))
    data = f"<all><rows>{rows}</rows></all>".encode()
    found = extract(data, "a.xml")
    assert "id: 29999\nname: part 29999" in found.text
    late = Hints(XML, ReadLimits(), Budget(0.1))
    time.sleep(0.1)
    assert "out of time" in XmlReader().read(data, name="a.xml", hints=late).warnings[0]


# --------------------------------------------------------------------- YAML and TOML


def test_yaml_keeps_paths_and_comments_and_expands_nothing() -> None:
    text = (
        "# Web server\nserver:\n  port: 80 # the web\n  tls: &t\n    cert: |\n      one\n      two\n"
        "list:\n  - name: x\n"
        "    on: yes\n  - *t\n---\nsecond: !Custom doc\n"
    )
    assert extract(text.encode(), "a.yaml").text.split("\n") == [
        "# Web server", "server.port: 80  # the web", "server.tls.cert: one two", "list[0].name: x", "list[0].on: yes",
        "list[1]: *t", "second: doc",
    ]  # fmt: skip
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert len(extract(bomb.encode(), "b.yaml").text) < 4_000
    broken = extract(b"a: [1, 2\nb: words", "c.yaml")
    assert "words" in broken.text
    assert "not correct YAML" in broken.warnings[0]


def test_toml_keeps_tables_and_comments() -> None:
    text = (
        '# Head\ntitle = "T"\n[server."web"]\nport = 80 # web\nhosts = [\n  "a", # first\n  "b",\n]\n'
        'text = """\nmulti\nline"""\n[[x]]\nn = { a = 1, b = "two" }\n'
    )
    assert extract(text.encode(), "a.toml").text.split("\n") == [
        "# Head", "title: T", "server.web.port: 80  # web", "server.web.hosts: a, b", "server.web.text: multi line",
        "x[0].n.a: 1", "x[0].n.b: two",
    ]  # fmt: skip
    assert extract(b"fee = 12.50\nrates = [0.10, 2.0]\n", "a.toml").text == "fee: 12.50\nrates: 0.10, 2.0"
    assert "not correct TOML" in extract(b"a = = 1\n", "a.toml").warnings[0]


def test_toml_tells_the_entries_of_an_array_of_tables_apart() -> None:
    text = (
        '[[pump]]\nname = "north"\n[pump.limit]\nbar = 6\n[[pump.valve]]\nsize = 20\n[[pump.valve]]\nsize = 25\n'
        '[[ pump ]] # spare\nname = "south"\n[[pump.valve]]\nsize = 40\n[shop."a b".pump]\nopen = true\n'
    )
    assert extract(text.encode(), "a.toml").text.split("\n") == [
        "pump[0].name: north", "pump[0].limit.bar: 6", "pump[0].valve[0].size: 20", "pump[0].valve[1].size: 25",
        "# spare", "pump[1].name: south", "pump[1].valve[0].size: 40", "shop.a b.pump.open: true",
    ]  # fmt: skip


# --------------------------------------------------------------------- embedded data


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (f"![chart](data:image/png;base64,{PICTURE}) needle", "a.md"),
        (f"<p><img src='data:image/png;base64,{PICTURE}'>needle", "a.html"),
        (f'{{"a": "needle", "img": "{PICTURE}"}}', "a.json"),
        (f'{{"a": "needle", "img": "{PICTURE.replace("/", chr(92) + "/")}"}}', "b.json"),
        (json.dumps({"a": "needle", "img": base64.encodebytes(b"\x07\x51\xfa\x93" * 400).decode()}), "c.json"),
        (f"<a><b>needle</b><img>{PICTURE}</img></a>", "a.xml"),
        (f"needle: x\nimg: {PICTURE}\n", "a.yaml"),
        (f"x = 1  # needle\ny = '{PICTURE}'\n", "a.py"),
        (f"needle\n\n{base64.encodebytes(PICTURE.encode()).decode()}\nend", "a.txt"),
        (f"needle\n\n.. image:: data:image/png;base64,{PICTURE}\n", "a.rst"),
        (f"needle {random.Random(3).randbytes(600).hex()}", "hex.txt"),
    ],
)
def test_no_reader_embeds_encoded_data(data: str, name: str) -> None:
    found = extract(data.encode(), name)
    assert "needle" in found.text
    assert max(map(len, found.text.split())) < 100
    assert any(words.startswith("embedded data left out: 1 place") for words in found.warnings)


@pytest.mark.parametrize(
    "text",
    [
        "ACGTTGCA" * 200,
        "/usr/share/doc/pump/" * 30,
        "how-to-oil-the-pump-" * 30,
        "=" * 900 + " " + "-" * 900 + " " + "_" * 600,
        "9" * 2_000,
        "NOTHINGBUTCAPITALS" * 40,
        "Donaudampfschifffahrtsgesellschaft" * 20,
        "語" * 2_000,
    ],
)
def test_long_runs_that_are_no_data_stay(text: str) -> None:
    assert cut_embedded(text) == (text, 0, 0)


@pytest.mark.parametrize("unit", ["A", "data:", "data:image/png;base64,", "aB3+", "data:a/b;x=1", ("Ab9" * 20) + "\n"])
def test_cutting_takes_linear_time(unit: str) -> None:
    started = time.process_time()
    cut_embedded(unit * (4_000_000 // len(unit)))
    assert time.process_time() - started < 8.0


def test_minified_code_is_ignored_with_a_reason() -> None:
    minified = "function a(b){return b+1};" * 2_000
    assert is_minified(minified)
    with pytest.raises(ExtractionError, match="minified") as caught:
        extract(minified.encode(), "app.js")
    assert caught.value.skipped
    assert not is_minified("x = 1\n" * 5_000)
    assert outcome(b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 9\n", "book.pdf") == "unsupported"


def test_cells_of_xml_tables_stand_in_each_place_that_they_span() -> None:
    entries = (
        "<table><tgroup cols='3'><colspec colname='a'/><colspec colname='b'/><colspec colname='c'/><thead>"
        "<row><entry>Pier</entry><entry namest='b' nameend='c'>Depth</entry></row></thead><tbody>"
        "<row><entry morerows='1'>North</entry><entry>4 m</entry><entry>5 m</entry></row>"
        "<row><entry>6 m</entry><entry>7 m</entry></row></tbody></tgroup></table>"
    )
    page = f"<article><title>Port</title><section><title>Piers</title>{entries}</section></article>"
    assert "Pier | Depth | Depth\nNorth | 4 m | 5 m\nNorth | 6 m | 7 m" in extract(page.encode(), "a.xml").text


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        (
            (
                '<article xmlns="http://docbook.org/ns/docbook"><title>Pier</title><orderedlist '
                'numeration="upperroman" startingnumber="3"><listitem><para>Moor</para></listitem>'
                "<listitem><para>Pay</para></listitem></orderedlist>"
                "<itemizedlist><listitem><para>rope</para></listitem></itemizedlist></article>"
            ),
            ["III. Moor", "IV. Pay", "- rope"],
        ),
        (
            (
                '<!DOCTYPE task PUBLIC "-//OASIS//DTD DITA Task//EN" "task.dtd"><task id="t"><title>Lock</title>'
                "<taskbody><steps><step><cmd>Ring</cmd><substeps><substep><cmd>twice</cmd></substep></substeps></step><step><cmd>Wait</cmd></step>"
                "</steps></taskbody></task>"
            ),
            ["1. Ring a. twice", "2. Wait"],
        ),
        (
            (
                '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS//EN" "j.dtd"><article><body><sec><title>Tide</title>'
                "<list list-type='roman-lower'><list-item><p>low</p></list-item><list-item><p>high</p></list-item>"
                "</list><p>A. Ek said.</p></sec></body></article>"
            ),
            ["i. low", "ii. high", "A. Ek said."],
        ),
        (
            (
                '<TEI xmlns="http://www.tei-c.org/ns/1.0"><text><body><div><head>Log</head><table><row><cell>'
                "<list rend='numbered'><item>sail</item><item>oar</item></list></cell><cell>B"
                "</cell></row></table></div></body></text></TEI>"
            ),
            ["1. sail 2. oar | B"],
        ),
    ],
)
def test_lists_of_documents_in_xml_are_numbered_as_their_pages_show(page: str, lines: list[str]) -> None:
    text = extract(f'<?xml version="1.0"?>{page}'.encode(), "a.xml").text
    assert [line for line in text.splitlines() if line][1:] == lines
