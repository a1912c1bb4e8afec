# ruff: noqa: E501 (lines of calendars as they stand in files)
"""E-mail: nothing that a person reads in a message is lost, and what cannot be read is named."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from ragkit_ingest.readers.mail.flowed import unflow
from ragkit_ingest.readers.mail.mbox import messages
from ragkit_ingest.readers.mail.rtf import decompress_rtf, text_of
from ragkit_ingest.readers.sniff import CALENDAR, EMAIL, MBOX, OUTLOOK
from tests.support.ingest_files import blocks, extract, headings, media_type, outcome
from tests.support.outlook_files import Message, message_file

HEAD = "From: Nia <nia@mill.example>\nTo: shop@mill.example\nSubject: Belt 9\nDate: Tue, 3 Mar 2026 08:00:00 +0000\n"


def mail(rest: str) -> bytes:
    return (HEAD + "MIME-Version: 1.0\n" + rest).encode()


def parts(kind: str, *bodies: str) -> str:
    inner = "".join(f"--sep{kind[:3]}\n{body}\n" for body in bodies)
    return f'Content-Type: multipart/{kind}; boundary="sep{kind[:3]}"\n\n{inner}--sep{kind[:3]}--\n'


PLAIN = "Content-Type: text/plain; charset=utf-8\n\n{}"
HTML = "Content-Type: text/html; charset=utf-8\n\n{}"


def test_the_head_stands_in_the_text_and_in_the_metadata() -> None:
    found = extract(mail(PLAIN.format("The belt slips.")), "a.eml")
    assert found.text.startswith("Belt 9\n\nFrom: Nia <nia@mill.example>\nTo: shop@mill.example\nDate: Tue, 3 Mar 2026")
    assert found.metadata["created"] == "2026-03-03T08:00:00+00:00"
    assert (found.title, found.metadata["subject"]) == ("Belt 9", "Belt 9")


def test_alternatives_are_decided_where_they_are_and_not_for_the_whole_message() -> None:
    both = parts("alternative", PLAIN.format("Order 40 belts today."), HTML.format("<p>Order 40 belts today.</p>"))
    note = HTML.format("<p>The drawing follows by post.</p>")
    text = extract(mail(parts("mixed", both, note, PLAIN.format("-- list footer"))), "a.eml").text
    assert text.count("Order 40 belts today.") == 1
    assert "The drawing follows by post." in text
    assert "list footer" in text


def test_a_plain_alternative_that_says_nothing_gives_way_to_the_page() -> None:
    page = HTML.format("<p>Roller 3 turns at 310 rpm and must not exceed 340 rpm in any season.</p>")
    text = extract(mail(parts("alternative", PLAIN.format("Your program shows no HTML."), page)), "a.eml").text
    assert "Roller 3 turns at 310 rpm" in text
    assert "Your program" not in text


def test_a_table_of_the_page_keeps_its_columns() -> None:
    rows = ("<th>Belt<th>Width<th>Price", "<td>B9<td>40 mm<td>12 EUR", "<td>B7<td>30 mm<td>9 EUR")
    page = f"<table><tr>{'</tr><tr>'.join(rows)}</table>"
    plain = PLAIN.format("Belt Width Price\nB9 40 mm 12 EUR\nB7 30 mm 9 EUR")
    text = extract(mail(parts("alternative", plain, HTML.format(page))), "a.eml").text
    assert "B9 | 40 mm | 12 EUR" in text


def test_attachments_beside_an_alternative_that_is_not_taken_are_read() -> None:
    sheet = "Content-Type: text/csv\nContent-Disposition: attachment; filename=load.csv\n\nhook,limit\nA,14\n"
    rich = parts("mixed", HTML.format("<p>See the loads.</p>"), sheet)
    text = extract(mail(parts("alternative", PLAIN.format("See the loads."), rich)), "a.eml").text
    assert "Attachment: load.csv" in text
    assert "A | 14" in text


def test_a_named_part_that_is_shown_inline_has_its_name() -> None:
    named = "Content-Type: text/plain\nContent-Disposition: inline; filename={}\n\n{}\n"
    text = extract(
        mail(parts("mixed", named.format("body.txt", "See the log."), named.format("pump.log", "ok 44"))), "a.eml"
    ).text
    assert text.endswith("See the log.\n\nAttachment: pump.log\n\nok 44")


def test_forwarded_messages_are_read_to_any_sensible_depth() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: c@x.example\nSubject: Third\n\nThe fuse has 16 A.\n"
    middle = "Content-Type: message/rfc822\n\nFrom: b@x.example\nSubject: Second\nMIME-Version: 1.0\n" + parts(
        "digest", inner
    )
    found = extract(mail(parts("mixed", PLAIN.format("See below."), middle)), "a.eml")
    assert [text for _, text in headings(found)] == ["Belt 9", "Second", "Third"]
    assert "The fuse has 16 A." in found.text
    bomb = b"Subject: x\nContent-Type: message/rfc822\n\n" * 500 + b"deep"
    assert any("levels of the message" in words for words in extract(HEAD.encode() + bomb, "b.eml").warnings)


def test_an_invitation_tells_what_when_where_and_who_once() -> None:
    event = (
        "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:7@x\nSUMMARY:Crane test\\, hall 3\n"
        "DTSTART;TZID=Europe/Oslo:20260611T093000\nDTEND;TZID=Europe/Oslo:20260611T110000\nLOCATION:Dock office\n"
        'ORGANIZER;CN=Ada Roth:mailto:ada@dock.example\nATTENDEE;CN="Roe, Bo";ROLE=REQ-PARTICIPANT:MAILTO:bo@dock.\n'
        " example\nDESCRIPTION:Bring gloves.\\nPark at gate 2.\nBEGIN:VALARM\nDESCRIPTION:Reminder\nEND:VALARM\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    calendar = f"Content-Type: text/calendar; charset=utf-8; method=REQUEST\n\n{event}"
    attached = f'Content-Type: text/calendar; name="invite.ics"\nContent-Disposition: attachment\n\n{event}'
    both = parts("alternative", PLAIN.format("You are invited."), calendar)
    text = extract(mail(parts("mixed", both, attached)), "a.eml").text
    for line in (
        "Event: Crane test, hall 3",
        "Start: 2026-06-11 09:30 Europe/Oslo",
        "Place: Dock office",
        "Organiser: Ada Roth <ada@dock.example>",
        "Attendees: Roe, Bo <bo@dock.example>",
        "Description: Bring gloves. Park at gate 2.",
    ):
        assert text.count(line) == 1
    assert "You are invited." in text
    assert "Reminder" not in text
    assert media_type(event.encode(), "x.ics") == CALENDAR
    assert "Crane test, hall 3" in extract(event.encode(), "x.ics").text


def test_attachments_are_read_and_those_that_cannot_be_are_named() -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = "Files", "a@x.example"
    message.set_content("Two files.")
    message.add_attachment("# Torque\n\nUse 33 Nm.", subtype="markdown", filename="torque.md")
    message.add_attachment(b"GIF89a" + bytes(40), maintype="image", subtype="gif", filename="photo.gif")
    message.add_attachment(message_file(Message("Saved", body="Valve 5 leaks.")), maintype="application",
                           subtype="vnd.ms-outlook", filename="saved.msg")  # fmt: skip
    found = extract(message.as_bytes(), "a.eml")
    assert "Attachment: torque.md\n\nTorque\n\nUse 33 Nm." in found.text
    assert "Valve 5 leaks." in found.text
    assert "Attachments: photo.gif" in found.text
    assert found.metadata["attachments"] == ("torque.md", "photo.gif", "saved.msg")
    (told,) = [words for words in found.warnings if words.startswith("attachments not read")]
    assert "photo.gif (unsupported: a GIF picture)" in told


def test_inline_pictures_are_counted_and_signatures_say_nothing() -> None:
    picture = "Content-Type: image/png\nContent-ID: <a>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
    signed = parts("signed", parts("related", HTML.format("<p>Seen<img src=cid:a></p>"), picture),
                   "Content-Type: application/pgp-signature\n\nabc")  # fmt: skip
    found = extract(mail(signed), "a.eml")
    assert "pictures inside messages left out: 1" in found.warnings
    assert "pgp" not in found.text


def test_quotes_stand_apart_with_the_line_that_says_whose() -> None:
    body = "Yes, 40 bar.\n\nOn 2 March Bea wrote:\n> What is the\n> pressure?\n>> Older line\n\nThanks\n"
    found = extract(mail(PLAIN.format(body)), "a.eml")
    ((_, quote),) = blocks(found, "list")
    assert quote == "On 2 March Bea wrote:\n> What is the\n> pressure?\n>> Older line"
    assert "Yes, 40 bar." not in quote
    old = "New words.\n\n-----Ursprüngliche Nachricht-----\nVon: Kai\n\nOld words.\n"
    found = extract(mail(PLAIN.format(old)), "b.eml")
    assert headings(found)[-1] == (2, "Earlier message")
    assert found.text.index("New words.") < found.text.index("Earlier message") < found.text.index("Old words.")
    page = HTML.format('<p>New.</p><div class="gmail_quote"><blockquote>Old.</blockquote></div>')
    assert extract(mail(page), "c.eml").text.endswith("New.\n\nEarlier message\n\nOld.")


def test_soft_line_ends_are_taken_out() -> None:
    assert unflow("One line that \ngoes on\nand ends\n> quoted and \n> going on\n-- \nAda") == (
        "One line that goes on\nand ends\n> quoted and going on\n-- \nAda"
    )
    assert unflow("Donau \ndampf\n from", delsp=True) == "Donaudampf\nfrom"


def test_a_mailbox_is_one_document_with_every_message_under_its_subject() -> None:
    one = "From a@x Mon Mar  2 10:00:00 2026\nSubject: Oil\nFrom: a@x\n\nUse 5 l.\n\nFrom here it goes on.\n>From me\n"
    two = "From b@x Mon Mar  2 11:00:00 2026\nFrom: b@x\n\nNo subject here.\n"
    data = (one + "\n" + two).encode()
    assert media_type(data, "box.mbox") == media_type(data, "Inbox") == MBOX
    found = extract(data, "dock-mail.mbox")
    assert found.title == "dock mail"
    assert [text for _, text in headings(found)] == ["Oil", "Message from b@x"]
    assert "From here it goes on.\nFrom me" in found.text
    assert found.metadata["messages"] == 2
    assert len(list(messages(data * 20))) == 40
    assert media_type(one.encode(), "one.eml") == EMAIL


def test_an_outlook_message_with_everything_in_it() -> None:
    inner = Message("Inner note", ("Cy", "cy@dock.example"), body="Rope 22 mm.")
    message = Message(
        "Kranprüfung",
        ("Ada Roth", "ada@dock.example"),
        [("Bo", "bo@dock.example")],
        "The crane lifts 14 t.\n",
        sent=datetime(2026, 3, 2, 9, 5, tzinfo=UTC),
        attachments=[("loads.csv", b"hook,limit\nA,14\n"), ("x.bin", bytes(range(256)) * 30), ("fw", inner)],
    )
    data = message_file(message)
    assert media_type(data, "a.msg") == OUTLOOK
    found = extract(data, "a.msg")
    assert found.text.startswith(
        "Kranprüfung\n\nFrom: Ada Roth <ada@dock.example>\nTo: Bo <bo@dock.example>\nDate: Mon, 02 Mar 2026 09:05 UTC"
    )
    for words in ("The crane lifts 14 t.", "A | 14", "Inner note", "Rope 22 mm."):
        assert words in found.text
    assert found.metadata["created"] == "2026-03-02T09:05:00+00:00"
    assert any("x.bin" in words for words in found.warnings)
    ansi = extract(message_file(Message("Лифт", body="Лифт стоит до пятницы", ansi="cp1251")), "b.msg")
    assert "Лифт стоит до пятницы" in ansi.text


def test_the_rtf_body_of_outlook_is_unpacked() -> None:
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )  # the example of MS-OXRTFCP, section 4.1.1
    assert decompress_rtf(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert text_of(decompress_rtf(packed)).strip() == "hello world"
    html = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\fonttbl{\f0 Arial;}}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Lift "
        rb"\'fcber 5 t {\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 never{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0  \u8364? 3}"
    )
    raw = struct.pack("<IIII", len(html) + 12, len(html), 0x414C454D, 0) + html
    assert extract(message_file(Message("R", rtf=raw)), "b.msg").text == "R\n\nLift über 5 t never € 3"


@pytest.mark.parametrize("cut", [20, 600, 1500])
def test_a_broken_outlook_message_has_a_typed_reason(cut: int) -> None:
    data = message_file(Message("S", body="B" * 5000))
    assert outcome(data[:-cut] if cut < 600 else data[:cut], "a.msg") in (
        "",
        "damaged",
        "no_text",
        "encrypted_or_old_format",
    )


def test_base64_in_a_body_is_no_text() -> None:
    packed = base64.encodebytes(bytes(range(256)) * 8).decode()
    found = extract(mail(PLAIN.format(f"Here:\n\n{packed}\nThe end.")), "a.eml")
    assert "The end." in found.text
    assert "AAECAwQF" not in found.text
    assert any(words.startswith("embedded data left out: 1 place") for words in found.warnings)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;COUNT=6", "every 2 weeks on Tuesday, Friday, 6 times"),
        ("FREQ=MONTHLY;BYDAY=-1SU;UNTIL=20270630T000000Z", "every month on the last Sunday until 2027-06-30"),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=6", "every year on day 6 in December"),
        ("FREQ=MONTHLY;BYSETPOS=3;BYDAY=MO,TU", "FREQ=MONTHLY;BYSETPOS=3;BYDAY=MO,TU"),
        ("FREQ=YEARLY;BYMONTH=13", "FREQ=YEARLY;BYMONTH=13"),
    ],
)
def test_rules_of_recurrence_are_words_and_stay_where_they_say_more(rule: str, words: str) -> None:
    source = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Drill\nRRULE:{rule}\nEND:VEVENT\nEND:VCALENDAR\n"
    assert extract(source.encode(), "a.ics").text == f"Event: Drill\nRepeats: {words}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("DURATION:P1DT2H30M", "Duration: 1 day 2 hours 30 minutes"),
        ("DURATION:soon", "Duration: soon"),
        ("EXDATE;TZID=Asia/Tokyo:20270105T080000,20270112T080000", "Not on: 2027-01-05 08:00 Asia/Tokyo, 2027-01-12 08:00 Asia/Tokyo"),
        ("RDATE;VALUE=DATE:20270119", "Also on: 2027-01-19"),
        ("RECURRENCE-ID:20270126T080000Z", "In place of: 2027-01-26 08:00 UTC"),
        ("COMMENT:gate 4\nCOMMENT:gate 5", "Comment: gate 4 gate 5"),
    ],
)  # fmt: skip
def test_exceptions_and_lengths_of_events_are_kept(line: str, words: str) -> None:
    source = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Drill\n{line}\nEND:VEVENT\nEND:VCALENDAR\n"
    assert extract(source.encode(), "a.ics").text == f"Event: Drill\n{words}"


@pytest.mark.parametrize(("kind", "words"), [("enveloped-data", "an encrypted part"), ("signed-data", "a signed part")])
def test_a_message_in_an_smime_envelope_is_reported(kind: str, words: str) -> None:
    source = (
        f"Subject: Ring\nContent-Type: application/pkcs7-mime; smime-type={kind}; name=smime.p7m\n"
        "Content-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CAMIA=\n"
    )
    found = extract(source.encode(), "a.eml")
    assert f"{words} of the message was not read (S/MIME)" in found.warnings
    assert "smime" not in found.text
