"""The media type of a file, by its bytes first: magic numbers, ZIP parts, the form of a text; its name comes last."""

from __future__ import annotations

import re
import struct
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.encoding import text_only
from ragkit_ingest.readers.languages import language_of

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
ODP: Final = "application/vnd.oasis.opendocument.presentation"
RTF: Final = "application/rtf"
EPUB: Final = "application/epub+zip"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
RST: Final = "text/x-rst"
ASCIIDOC: Final = "text/asciidoc"
MHTML: Final = "multipart/related"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
JSON: Final = "application/json"
JSONL: Final = "application/jsonl"
EMAIL: Final = "message/rfc822"
WORD_XML: Final = "application/vnd.ms-word.xml"
MBOX: Final = "application/mbox"
OUTLOOK: Final = "application/vnd.ms-outlook"
CALENDAR: Final = "text/calendar"
NOTEBOOK: Final = "application/x-ipynb+json"
VTT: Final = "text/vtt"
SRT: Final = "application/x-subrip"
XML: Final = "application/xml"
YAML: Final = "application/yaml"
TOML: Final = "application/toml"
TEXT: Final = "text/plain"
CODE: Final = "text/x-source"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
WEBP: Final = "image/webp"

_SUFFIXES = {
    **dict.fromkeys(("pdf",), PDF),
    **dict.fromkeys(("docx", "docm", "dotx"), DOCX),
    **dict.fromkeys(("pptx", "pptm", "ppsx", "potx"), PPTX),
    **dict.fromkeys(("xlsx", "xlsm", "xltx"), XLSX),
    **dict.fromkeys(("odt", "ott"), ODT),
    **dict.fromkeys(("ods", "ots"), ODS),
    **dict.fromkeys(("odp", "otp"), ODP),
    **dict.fromkeys(("rtf",), RTF),
    **dict.fromkeys(("epub",), EPUB),
    **dict.fromkeys(("html", "htm", "xhtml", "xht"), HTML),
    **dict.fromkeys(("md", "markdown", "mdown", "mkd", "mdx", "qmd", "rmd"), MARKDOWN),
    **dict.fromkeys(("rst", "rest"), RST),
    **dict.fromkeys(("adoc", "asciidoc", "asciidoctor"), ASCIIDOC),
    **dict.fromkeys(("mhtml", "mht"), MHTML),
    **dict.fromkeys(("csv",), CSV),
    **dict.fromkeys(("tsv", "tab"), TSV),
    **dict.fromkeys(("json", "geojson"), JSON),
    **dict.fromkeys(("jsonl", "ndjson", "jsonlines"), JSONL),
    **dict.fromkeys(("eml",), EMAIL),
    **dict.fromkeys(("png",), PNG),
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), JPEG),
    **dict.fromkeys(("tif", "tiff"), TIFF),
    **dict.fromkeys(("webp",), WEBP),
    **dict.fromkeys(("mbox", "mbx"), MBOX),
    **dict.fromkeys(("msg",), OUTLOOK),
    **dict.fromkeys(("ics", "ical", "ifb"), CALENDAR),
    **dict.fromkeys(("ipynb",), NOTEBOOK),
    **dict.fromkeys(("vtt",), VTT),
    **dict.fromkeys(("srt",), SRT),
    **dict.fromkeys(("xml", "plist", "rss", "atom", "dita", "ditamap", "dbk", "docbook", "svg", "xlf", "xliff"), XML),
    **dict.fromkeys(("yaml", "yml"), YAML),
    **dict.fromkeys(("toml",), TOML),
    **dict.fromkeys(("txt", "text", "log", "asc"), TEXT),
}
_ODF = {"text": ODT, "spreadsheet": ODS, "presentation": ODP}
_ODF_TYPE = re.compile(rb"application/vnd\.oasis\.opendocument\.([a-z]+)")
_OOXML = ((DOCX, b"word/"), (PPTX, b"ppt/"), (XLSX, b"xl/"))
_PICTURES = ((b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG), (b"II*\0", TIFF), (b"MM\0*", TIFF))
_FOREIGN = (  # formats that are known, and that no reader takes
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"%!PS", "a PostScript file"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
    (b"fLaC", "a FLAC recording"),
)
_WORDLIKE = (b"BZh", b"PAR1", b"OggS", b"ID3", b"fLaC")  # with which a text can begin
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_HEAD = 512  # bytes, in which every binary format has a control character
_PROGRAMS = (b"\x7fELF", b"MZ\x90\0", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\0asm")
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_OUTLOOK_STREAM = "__properties_version1.0".encode("utf-16-le")
_LFS_START = b"version https://git-lfs.github.com/spec/v"
_XML_START = re.compile(rb"<\?xml[\s?]")
_MBOX_START = re.compile(
    rb"from [^\s]+ [^\n]{0,80}\d\d:\d\d[^\n]{0,40}\n(?:[!-9;-~]{1,70}:[^\n]*\n(?:[ \t][^\n]*\n)*){2}", re.IGNORECASE
)
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--(?:[^-]|-(?!->)){0,2000}-->\s*)?"
    rb"<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])",
    re.IGNORECASE,
)
_WORD_XML_START = re.compile(
    rb"\s*(?:<\?[^>]{0,500}>\s*|<!--(?:[^-]|-(?!->)){0,2000}-->\s*){0,5}"
    rb"<(?:[\w.-]{1,40}:)?(?:wordDocument\s[^>]*/office/word/2003/|package\s[^>]*/office/2006/xmlPackage)"
)
_MAIL_START = re.compile(
    rb"(?:from [^\n]{1,200}\n)?(?:return-path|received|delivered-to|x-original-to|message-id|mime-version|from|date|"
    rb"subject|to|dkim-signature|arc-seal):[ \t][^\n]*\n(?:[ \t][^\n]*\n|[!-9;-~]{1,70}:[^\n]*\n)+",
    re.IGNORECASE,
)
_SAVED_PAGE = re.compile(rb"^(?:snapshot-content-location:|from: <saved by )", re.IGNORECASE | re.MULTILINE)
_MAIL_HEADER = re.compile(rb"^(?:from|to|subject|date|message-id|received|mime-version):", re.IGNORECASE | re.MULTILINE)


def suffix_of(name: str) -> str:
    """Return the suffix of a file name in lower case, without the dot; "" when there is none."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return suffix.lower() if dot and stem else ""


def detect(data: bytes, *, name: str) -> str:
    """Return the media type of a file; ExtractionError when nothing here could read it.

    Reasons: `empty_file`, `encrypted_or_old_format` (OLE2), `damaged` (a ZIP without its directory), `unsupported` (a
    known format that no reader takes), `binary`.
    """
    if not data:
        raise ExtractionError("empty_file", "zero bytes")
    if _is_pdf(data, suffix_of(name)):
        return PDF
    if data.startswith(b"{\\rtf"):
        return RTF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _in_zip(data, suffix_of(name))
    if data.startswith(_OLE):
        return _in_ole(data)
    if picture := _picture(data):
        return picture
    _refuse_foreign(data)
    if not text_only(data):
        raise ExtractionError("binary", "its bytes are not text")
    return _text_type(data, name)


def _in_ole(data: bytes) -> str:
    if _OUTLOOK_STREAM in data:
        return OUTLOOK
    raise ExtractionError(
        "encrypted_or_old_format",
        "an OLE2 file: an Office document from before 2007, or one with a password",
        cure="save it as DOCX, PPTX or XLSX without a password",
    )


def _refuse_foreign(data: bytes) -> None:
    """Raise ExtractionError for a known format without a reader."""
    if data.startswith(_LFS_START) and len(data) < 1024:
        raise ExtractionError(
            "unsupported", "a Git LFS pointer: the document itself was not fetched", cure="run: git lfs pull"
        )
    if data.startswith(_PROGRAMS):
        raise ExtractionError("binary", "a program")
    foreign = _foreign(data)
    if foreign:
        raise ExtractionError("unsupported", foreign)


def _foreign(data: bytes) -> str:
    """Return the name of a file's known format without a reader, "" for none."""
    is_text = not _CONTROL.search(data, 0, _HEAD)  # "ID3 tags are", or "mustard" where an archive has "ustar"
    for magic, words in _FOREIGN:
        if data.startswith(magic) and not (is_text and magic in _WORDLIKE):
            return words
    riff = data[:4] == b"RIFF" and data[8:12] in (b"WAVE", b"AVI ")
    other = riff or data[257:262] == b"ustar" or data[4:8] == b"ftyp"
    return "an archive, a picture or a recording" if other and not is_text else ""


def _picture(data: bytes) -> str:
    """Return the media type of a picture that OCR can read, "" for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    return next((media_type for magic, media_type in _PICTURES if data.startswith(magic)), "")


def named_otherwise(media_type: str, name: str) -> str:
    """Return the format of a file's suffix where its bytes have another one, "" where they agree."""
    promised = _SUFFIXES.get(suffix_of(name), "")
    binary = (PDF, DOCX, PPTX, XLSX, EPUB, ODT, ODS, ODP, OUTLOOK, PNG, JPEG, TIFF, WEBP)
    return promised if promised != media_type and (promised in binary or (promised and media_type in binary)) else ""


def _is_pdf(data: bytes, suffix: str) -> bool:
    start = data.find(b"%PDF-", 0, 1024 + 5)
    if start == 0:
        return True
    if start > 0:
        return suffix == "pdf" or not _HTML_START.match(data[:start])
    return suffix == "pdf" and b"%PDF-" in data


def _in_zip(data: bytes, suffix: str) -> str:
    directory = _zip_directory(data)
    if b"[Content_Types].xml" in directory:
        if b"xl/workbook.bin" in directory:
            raise ExtractionError("unsupported", "an XLSB workbook", cure="save it as XLSX")
        for media_type, folder in _OOXML:
            if folder in directory:
                return media_type
        promised = _SUFFIXES.get(suffix, "")
        return promised if promised in (DOCX, PPTX, XLSX) else DOCX
    if b"META-INF/container.xml" in directory:
        return EPUB
    if b"content.xml" in directory:
        stated = _ODF_TYPE.search(data, 0, 256)
        kind = _ODF.get(stated.group(1).decode(), "") if stated is not None else _SUFFIXES.get(suffix, "")
        if kind in _ODF.values():
            return kind
        if stated is not None:
            raise ExtractionError("unsupported", f"an OpenDocument file of the kind {stated.group(1).decode()}")
    if suffix in ("docx", "pptx", "xlsx", "epub", "odt", "ods", "odp"):
        raise ExtractionError("damaged", f"a ZIP archive without the parts of a {suffix.upper()} file")
    raise ExtractionError("unsupported", "a ZIP archive", cure="unpack it")


def _zip_directory(data: bytes) -> bytes:
    """Return the bytes that hold the central directory: names in it are stored plainly."""
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or len(data) < end + 22:
        raise ExtractionError("damaged", "a ZIP archive without its directory: it was cut short")
    size, offset = struct.unpack_from("<II", data, end + 12)
    if offset == 0xFFFFFFFF or size == 0xFFFFFFFF:
        return data[data.find(b"PK\x01\x02") : end]
    return data[max(0, end - size) : end]


def _text_type(data: bytes, name: str) -> str:
    head = data[:8192].lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"").lstrip()
    promised = _SUFFIXES.get(suffix_of(name), "")
    if _WORD_XML_START.match(head):
        return WORD_XML
    if _HTML_START.match(head) and promised not in (MARKDOWN, RST, ASCIIDOC, MHTML, EMAIL, CSV, TSV, JSON, JSONL):
        return HTML
    if promised in ("", TEXT) and (mail := _mail_type(head.replace(b"\r\n", b"\n"))):
        return MHTML if mail == EMAIL and _SAVED_PAGE.search(head) else mail
    if promised == HTML:
        return HTML if re.search(rb"<[a-zA-Z!/]", data[: 1 << 16].replace(b"\0", b"")) else TEXT
    if promised in (PDF, DOCX, PPTX, XLSX, EPUB, ODT, ODS, ODP, RTF, OUTLOOK, PNG, JPEG, TIFF, WEBP):
        return TEXT
    return promised or _unnamed_type(data, name, head)


def _unnamed_type(data: bytes, name: str, head: bytes) -> str:
    """Choose the media type of a text with an unknown suffix."""
    if language_of(name, head):
        return CODE
    if head.startswith(b"WEBVTT"):
        return VTT
    if _XML_START.match(head):
        return XML
    if not suffix_of(name) and head[:1] in (b"{", b"[") and data.rstrip()[-1:] in (b"}", b"]"):
        return JSON
    return TEXT


def _mail_type(head: bytes) -> str:
    if _MBOX_START.match(head):
        return MBOX
    start = _MAIL_START.match(head)
    headers = set(map(bytes.lower, _MAIL_HEADER.findall(start.group()))) if start else ()
    return EMAIL if len(headers) >= 3 else ""
