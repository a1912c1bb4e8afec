"""Text whose words stand where a binary format has its mark is text."""

from __future__ import annotations

import io
import tarfile

import pytest

from ragkit import ExtractionError
from ragkit_ingest.readers.sniff import detect


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("notes.md"), io.BytesIO())
    return file.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "x" * 257 + "ustard and cress",  # "mustard", where an archive has "ustar"
        "a m" + "uftype" + " of stone",
        "wikiftyp is a word",
        "ID3 tags are read from the start of a file.",
        "OggS and fLaC are names of formats.",
        "PAR1 is the first course of the links.",
        "BZh is no abbreviation.",
    ],
)
def test_words_are_no_marks(text: str) -> None:
    assert detect(text.encode(), name="notes.md") == "text/markdown"


@pytest.mark.parametrize(
    "data",
    [
        _tar(),
        b"\0\0\0\x18ftypmp42\0\0\0\0",
        b"ID3\x03\0\0\0\0\0\x21TIT2",
        b"OggS\0\x02" + bytes(20),
        b"fLaC\0\0\0\x22" + bytes(20),
        b"PAR1\x15\x04" + bytes(20),
        b"BZh91AY&SY\x01\x02" + bytes(20),
        b"RIFF\x24\0\0\0WAVEfmt ",
    ],
)
def test_formats_are_still_refused(data: bytes) -> None:
    with pytest.raises(ExtractionError):
        detect(data, name="notes.md")
