"""Web pages: what a person sees on a screen is text, what is left out is counted."""

from __future__ import annotations

import time

import pytest

from tests.support.ingest_files import blocks, extract, headings


def words(page: str) -> str:
    return extract(f"<p>first</p>{page}<p>last</p>".encode(), "p.html").text


def test_merged_cells_stand_in_each_row_and_header_rows_are_joined() -> None:
    page = (
        "<table><thead><tr><th rowspan=2>Mill</th><th colspan=2>2031</th></tr>"
        "<tr><th>May</th><th>June</th></tr></thead>"
        "<tr><td>North</td><td>7</td><td>8</td></tr><tr><td rowspan=2>South</td><td>9</td><td>10</td></tr>"
        "<tr><td>11</td><td>12</td></tr></table>"
    )
    assert blocks(extract(page.encode(), "p.html"), "table") == [
        (
            "Mill | 2031 > May | 2031 > June",
            "Mill | 2031 > May | 2031 > June\nNorth | 7 | 8\nSouth | 9 | 10\nSouth | 11 | 12",
        )
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>Within 45<sup>3</sup> hours</p>", "Within 45³ hours"),
        ("<p>5<sup><a href='#n1'>[4]</a></sup> boxes</p>", "5[4] boxes"),
        ("<p>CO<sub>2</sub> and x<sub>max</sub></p>", "CO₂ and x_(max)"),
        ("<p>the 2<sup>nd</sup> door</p>", "the 2nd door"),
        ("<p>a yard of 30 m<span style='font-size:9px;vertical-align: super'><i>2</i></span></p>", "a yard of 30 m²"),
        ("<p>H<span style='vertical-align:sub'>2</span>O, <span>2</span>nd</p>", "H₂O, 2nd"),
        ("<p><ruby>京都<rp>(</rp><rt>きょうと</rt><rp>)</rp></ruby>駅</p>", "京都(きょうと)駅"),
        ("<p><ruby>京<rt>きょう</rt>都<rp>(</rp><rt>と</rt><rp>)</rp></ruby>駅</p>", "京都(きょうと)駅"),
        ("<p><ruby>New<rt>nyū</rt></ruby> <ruby>hut<rt>hat<rt>het</ruby> <rt>x</rt></p>", "New(nyū) hut (hat het) (x)"),
        (
            '<p>Call <a href="tel:+49%20309%20555;ext=2">the desk</a> or <a href="TEL:030-5551234">555 12 34</a></p>',
            "Call the desk (+49 309 555) or 555 12 34",
        ),
        ("<p>Brand&shy;schutz\u00adtür</p>", "Brandschutztür"),
        ("<label>Size <select><option>Small<option selected>Large</select></label>", "Size Small, Large (selected)"),
        ("<p>Ask <input type=text value='Berth 9'> <input type=checkbox checked> daily</p>", "Ask Berth 9 [x] daily"),
        ("<textarea>Dear harbour</textarea>", "Dear harbour"),
        (
            "<dl><dt>Draught</dt><dd>4 m</dd><dt>Beam</dt><dt>Width</dt><dd>9 m</dd></dl>",
            "Draught: 4 m\n\nBeam, Width: 9 m",
        ),
        ("<noscript>Call 555-0100</noscript>", "Call 555-0100"),
        ("<svg><title>icon</title><text>Peak 71</text></svg>", "Peak 71"),
    ],
)
def test_words_of_small_elements(page: str, expected: str) -> None:
    assert expected in words(page)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", r"\frac{a + 1}{b}"),
        ("<msqrt><mi>k</mi><mo>-</mo><mn>3</mn></msqrt>", r"\sqrt{k-3}"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", "∑_{i = 1}^n"),
        (
            "<semantics><mi>q</mi><annotation encoding='application/x-tex'>q_{\\rm in}</annotation></semantics>",
            r"q_{\rm in}",
        ),
    ],
)
def test_formulas_are_latex(formula: str, expected: str) -> None:
    assert f"Let {expected} be" in words(f"<p>Let <math>{formula}</math> be</p>")


SHOWN = [
    "<style>@media print{.k{display:none}}</style><p class=k>needle</p>",
    "<style media=print>.k{display:none}</style><p class=k>needle</p>",
    "<style>@media (max-width:600px){.k{display:none}}</style><p class=k>needle</p>",
    "<style>.no-js .k{display:none}</style><div class=no-js><p class=k>needle</p></div>",
    "<style>.menu .k{visibility:hidden}</style><p class=k>needle</p>",
    "<style>.menu > .k{display:none}</style><div class=menu><div><p class=k>needle</p></div></div>",
    "<style>.k{display:none} #z{display:block}</style><p class=k id=z>needle</p>",
    "<style>p.k{display:none} p.k.on{display:block}</style><p class='k on'>needle</p>",
    "<style>.k{display:none} .k.active{display:block}</style><p class=k>needle</p>",
    "<style>.k{display:none} #t:checked ~ .k{display:block}</style><p class=k>needle</p>",
    "<style>.k:hover{display:none}</style><p class=k>needle</p>",
    "<style>/* .k{display:none} */ .j{color:red}</style><p class=k>needle</p>",
    "<!-- <style>.k{display:none}</style> --><p class=k>needle</p>",
    "<button aria-controls=q>Open</button><div id=q hidden><p>needle</p></div>",
    "<button onclick=\"show(event, 'q')\">Rome</button><div id=q style='display:none'>needle</div>",
    "<a role=tab href='#q'>T</a><section id=q style='display: none'>needle</section>",
    "<div role=tabpanel aria-hidden=true>needle</div>",
    "<details><summary>More</summary>needle</details>",
    "<div hidden=until-found>needle</div>",
    "<h3><button aria-expanded=false>needle</button></h3>",
    "<div style='opacity:0'>needle</div>",
    "<div><template shadowrootmode=open><p>needle</p></template></div>",
    "<p style='-webkit-backface-visibility: hidden; backface-visibility:hidden'>needle</p>",
    "<p style='display:none;display:block'>needle</p>",
    "<td style='font-size:0px;padding:20px'><div style='font-size:13px'>needle</div></td>",
    "<style>.cta{font-size:1rem}</style><div style='font-size:0'><a class=cta>needle</a></div>",
    "<style>.k{visibility:hidden}</style><div class='k tab-pane'>needle</div>",
    "<style>.row{font-size:0} .row > *{font-size:15px}</style><div class=row><span>needle</span></div>",
    "<style>.row{font:0/0 x} .k{font:600 9pt Georgia}</style><div class=row><span class=k>needle</span></div>",
    "<link rel=stylesheet href=own.css><style>.row{font-size:0}</style><div class=row>needle</div>",
    "<style>h2{font-size:0} .open h2{font-size:2rem}</style><h2>needle</h2>",
    "<style>.k{font-size:0}</style><p class=k style='font-size:11px'>needle</p>",
    "<style>.a .k{display:none} .k{display:block !important}</style><div class=a><p class=k>needle</p></div>",
]
HIDDEN = [
    "<style>.k{display:none}</style><p class=k>needle</p>",
    "<style>@media screen{.k{display:none}}</style><p class=k>needle</p>",
    "<style>.box .k{display:none}</style><div class=box><p><b class=k>needle</b></p></div>",
    "<style>.k{display:block} #z{display:none}</style><p class=k id=z>needle</p>",
    "<style>.k{display:none!important}</style><p class=k style='display:block'>needle</p>",
    "<p hidden>needle</p>",
    "<p style='visibility: hidden'>needle</p>",
    "<span aria-hidden=true>needle</span>",
    "<p style='font-size:0'>needle</p>",
    "<div style='font-size:0'><b style='font-size:2em'>needle</b></div>",
    "<style>.k{display:none} #z{visibility:visible}</style><p class=k id=z>needle</p>",
    "<style>.a .k{display:none} .k{display:block} p.k{display:block}</style><div class=a><p class=k>needle</p></div>",
    "<style>.a .k{display:none} .k{visibility:visible}</style><div class=a><i class=k>needle</i></div>",
    "<div style='visibility:hidden'><img alt=Crane><b style='visibility:inherit'>needle</b></div>",
    "<div style='visibility:hidden'><select><option>needle</option></select></div>",
    "<template><p>needle</p></template>",
    "<style>.pre{font-size:0}</style><div class=pre><b>needle</b></div>",
    "<style>.pre{font:0/0 serif}</style><div class=pre>needle</div>",
    "<link href='https://fonts.example/css' rel=stylesheet><style>.pre{font-size:0px}</style><i class=pre>needle</i>",
    "<style>.pre{font-size:0 !important}</style><p class=pre style='font-size:3em'>needle</p>",
    "<style>.pre{font-size:0} .pre b{font-size:80%}</style><p class=pre><b>needle</b></p>",
]


@pytest.mark.parametrize("page", SHOWN)
def test_only_what_is_surely_hidden_is_left_out(page: str) -> None:
    assert "needle" in words(page)


@pytest.mark.parametrize("page", HIDDEN)
def test_hidden_text_is_left_out_and_counted(page: str) -> None:
    found = extract(f"<p>first</p>{page}<p>last</p>".encode(), "p.html")
    assert found.text == "first\n\nlast"
    assert found.warnings == ("hidden text: 6 characters",)


@pytest.mark.parametrize(
    "page",
    [
        "<div style='visibility:hidden'>away {} away</div>",
        "<style>.off{{visibility:hidden}} .off .on{{visibility:visible}}</style><div class=off>away{}away</div>",
        "<div style='visibility:hidden'><i>away</i><section style='visibility:initial'>{}</section><b>away</b></div>",
    ],
)
def test_what_is_visible_inside_of_hidden_text_is_read(page: str) -> None:
    found = extract(page.format("<p class=on style='visibility:visible'>Gate 9</p>").encode(), "p.html")
    assert found.text == "Gate 9"
    assert found.warnings == ("hidden text: 8 characters",)


def test_an_invisible_cell_keeps_its_column() -> None:
    row = "<tr><td>Bolt</td><td style='visibility:hidden'>7</td><td>14</td></tr>"
    assert "\nBolt |  | 14\n" in words(f"<table><tr><th>Item</th><th>Old</th><th>New</th></tr>{row}</table>")


def test_boilerplate_and_what_is_not_read_are_counted() -> None:
    page = (
        "<nav>Start Shop</nav><div id='cookie-banner'>We use cookies</div><h1>Moor</h1>"
        "<p>Tie the rope twice, then wait.</p>"
        "<blockquote>Slow is fast<footer>Captain Ro</footer></blockquote><img src=a.png><iframe src=b></iframe>"
        "<pre>moor</pre><button>Copy</button><footer>Imprint</footer>"
    )
    found = extract(page.encode(), "p.html")
    assert [text for _, text in blocks(found, "boilerplate")] == ["Start Shop", "We use cookies", "Imprint"]
    assert "Captain Ro" in found.text
    assert found.warnings == (
        "boilerplate kept out of the chunks: 31 characters (1 cookie banner, 1 footer, 1 nav)",
        "embedded content that is not read: 1 iframe",
        "pictures without a description: 1",
        "buttons without meaning for the text, left out: 1",
    )


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("<a href='https://quay.example/f?a=1&amp;b=2'>the form</a>.", "the form (https://quay.example/f?a=1&b=2)."),
        ("<a href='mailto:desk@quay.example?subject=x'>desk</a>", "desk (mailto:desk@quay.example)"),
        ("<a href='https://quay.example/'>quay.example</a>", "quay.example"),
        ("<a href='/inside'>inside</a> and <a href='#x'>here</a>", "inside and here"),
        ("<a href='//cdn.example/a(b)'>file</a>", "file (https://cdn.example/a%28b%29)"),
        ("<a href='javascript:x()'>click</a>", "click"),
    ],
)
def test_addresses_of_links_stand_after_their_words(link: str, expected: str) -> None:
    assert extract(f"<p>{link}</p>".encode(), "p.html").text == expected


def test_an_address_is_no_part_of_a_heading_or_of_column_names() -> None:
    page = (
        "<h2><a href='https://q.example/x'>Leave</a> rules</h2><table>"
        "<tr><th><a href='https://q.example/t'>Rope</a><th>m"
        "<tr><td>A<td>9</table>"
    )
    found = extract(page.encode(), "p.html")
    assert headings(found) == [(2, "Leave rules")]
    assert found.text.startswith("Leave rules (https://q.example/x)")
    assert blocks(found, "table")[0][0] == "Rope | m"


def test_a_saved_page_gives_its_html_only() -> None:
    data = (
        b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://quay.example/\r\nSubject: Quay\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="B"\r\n\r\n'
        b"--B\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<title>Quay</title><p>B=C3=B6e at 9=\r\n0 knots</p>\r\n--B\r\nContent-Type: image/gif\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nR0lGODlh\r\n--B--\r\n"
    )
    for name in ("page.mhtml", "page.txt"):
        found = extract(data, name)
        assert found.text == "Böe at 90 knots"
        assert found.title == "Quay"
        assert found.metadata["url"] == "https://quay.example/"
        assert "1" in found.warnings[-1]


@pytest.mark.parametrize(
    "page",
    [
        "<sup>" * 50_000 + "1",
        "<ruby>a<rt>b" * 20_000,
        "<math>" + "<mrow>" * 50_000 + "<mi>x</mi>",
        "<style>" + ".k{display:none}" * 20_000 + "</style><p class=j>",
        "<table>" + "<tr><td rowspan=1000>a" * 5_000,
        "<select>" + "<option>a" * 50_000,
    ],
)
def test_pages_made_to_hurt_take_little_time(page: str) -> None:
    started = time.process_time()
    assert "needle" in extract(f"<p>needle</p>{page}".encode(), "p.html").text
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("<ol reversed><li>c<ol><li>in</ol><li>b<li>a</ol>", ["3. c", "  1. in", "2. b", "1. a"]),
        ("<ol reversed start=12 type=i><li>x<li>y</ol>", ["xii. x", "xi. y"]),
        ("<div hidden><ol reversed><li>no<li>no</ol></div><ol reversed><li>x</ol>", ["1. x"]),
        ("<ol start=0><li>z<li>o</ol><ol start=-1><li>m</ol>", ["0. z", "1. o", "-1. m"]),
        ("<ol type=a><li value=5>e<li type=1>f</ol>", ["e. e", "6. f"]),
        ("<ol style='list-style: none'><li>bare</ol>", ["- bare"]),
        (
            (
                "<style>.terms{list-style-type:upper-roman} .terms ol{list-style:lower-alpha}</style>"
                "<ol class=terms><li>Scope<ol><li>Goods</ol></ol><ol><li>plain</ol>"
            ),
            ["I. Scope", "  a. Goods", "1. plain"],
        ),
        ("<table><tr><th>A<th>B<tr><td>k<td><ol reversed><li>p<li>q</ol></table>", ["A | B", "k | 2. p; 1. q"]),
    ],
)
def test_lists_are_numbered_as_browsers_number_them(page: str, lines: list[str]) -> None:
    text = extract(f"<!doctype html><title>L</title>{page}".encode(), "a.html").text
    assert [line for line in text.splitlines() if line] == lines


def test_signs_of_symbol_fonts_are_no_letters() -> None:
    page = (
        "<p><span style='font-family:Wingdings'>n</span> Rope</p><p>Thanks <font face=Wingdings>J</font></p>"
        "<p><span style='font-family:Symbol'>·<span style='font:7pt \"Times\"'>n </span></span>Tar</p>"
        "<p><span style='font-family:Arial, Wingdings'>n</span></p>"
    )
    assert extract(page.encode(), "a.html").text.split("\n\n") == ["■ Rope", "Thanks ☺", "•n Tar", "n"]


def test_links_beside_headings_and_fields_do_not_join_words() -> None:
    page = (
        "<h2>Berths<a class=headerlink href='#b'>¶</a></h2><h3>Tides <span class=mw-editsection>[<a href=e>edit</a>]"
        "</span></h3><p><label>Wish<textarea>Berth 4</textarea>until May</label></p><p>Hook<sup>a</sup></p>"
    )
    extracted = extract(page.encode(), "a.html")
    assert extracted.text.split("\n\n") == ["Berths", "Tides", "Wish Berth 4 until May", "Hook^a"]
    assert "buttons without meaning for the text, left out: 2" in extracted.warnings
