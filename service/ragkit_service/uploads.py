"""Uploads: multipart bodies streamed to a temporary folder inside the data folder, with every size counted."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from ragkit import ACL_KEY, InputError, Metadata, MetadataValue, checked_labels, show
from ragkit_service.errors import Problem
from ragkit_service.jobs.spool import storage_error, sync_file
from ragkit_service.middleware.body_limit import too_large
from ragkit_service.schemas.metadata_schema import METADATA_KEYS
from ragkit_service.settings import Limits

_NAME_BYTES: Final = 200
_PATH_BYTES: Final = 1_024
_DRIVE = re.compile(r"[A-Za-z]:")
_METADATA_BYTES: Final = 16 << 10


@dataclass(slots=True)
class Upload:
    """One file of an upload. name: with its folders, it becomes the document's source. problem: why it was refused
    while it arrived (the rest of the request goes on). digest: SHA-256 of what has arrived."""

    name: str
    path: Path
    size: int = 0
    problem: Problem | None = None
    digest: Any = field(default_factory=hashlib.sha256)


@dataclass(slots=True)
class _Part:
    """The part that is being parsed."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    upload: Upload | None = None
    field: bytes = b""
    file: BinaryIO | None = None


class UploadReader:
    """Parses one multipart body into files of a folder. `feed` blocks on the disk: call it off the event loop.

    fields: the names that parts without a file may have.
    """

    def __init__(
        self, content_type: str, folder: Path, *, limits: Limits, fields: Collection[bytes] = (b"metadata", b"acl")
    ) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _malformed("the Content-Type has no boundary")
        self.uploads: list[Upload] = []
        self._fields = dict.fromkeys(fields, b"")
        self._sent: set[bytes] = set()
        self._folder = folder
        self._limits = limits
        self._part = _Part()
        self._ended = False
        self._header_name = b""
        self._header_value = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._take_header_name,
                    "on_header_value": self._take_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": self._take_data,
                    "on_part_end": self._close_part,
                    "on_end": self._end,
                },
            )
        except (FormParserError, ValueError) as error:
            raise _malformed("the boundary is not usable") from error

    def feed(self, data: bytes) -> None:
        """Take a piece of the body. Raises Problem (400, 413, 422), StorageFullError."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed(show(str(error), 200)) from error
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def finish(self) -> None:
        """Check that the body is complete and has a file."""
        if not self._ended:
            raise _malformed("it ends before its last boundary")
        if not self.uploads:
            raise InputError("the upload holds no file", cure="send multipart/form-data with one or more files")

    def close(self) -> None:
        """Close a file that is still open."""
        if self._part.file is not None:
            self._part.file.close()

    def field(self, name: bytes) -> str:
        """Return a field that holds text, "" when it was not sent."""
        return self._fields[name].decode("utf-8", "replace")

    def metadata(self) -> Metadata:
        """Return the field `metadata`, which applies to every file of the request. Raises InputError."""
        return parse_metadata(self._fields[b"metadata"])

    def acl(self) -> tuple[str, ...] | None:
        """Return the field `acl`, the access labels of every file of the request; None without the field."""
        if b"acl" not in self._sent:
            return None
        return parse_acl(self._fields[b"acl"].decode("utf-8", "replace"))

    def _end(self) -> None:
        self._ended = True

    def _begin(self) -> None:
        self._part = _Part()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open_part(self) -> None:
        options = parse_options_header(self._part.headers.get(b"content-disposition"))[1]
        if b"filename" not in options:
            self._part.field = options.get(b"name", b"")
            if self._part.field not in self._fields:
                known = " nor ".join(f"`{field.decode()}`" for field in self._fields)
                raise InputError(f"the upload has a field that is neither a file nor {known}", cure="leave it out")
            self._sent.add(self._part.field)
            return
        if len(self.uploads) == self._limits.upload_files:
            raise InputError(
                f"the upload holds more than {self._limits.upload_files} files", cure="send them in several requests"
            )
        name = upload_name(options[b"filename"].decode("utf-8", "replace"))
        folder = self._folder / str(len(self.uploads))
        path = folder / name.rpartition("/")[2]
        try:
            folder.mkdir()
            self._part.file = path.open("xb")
        except OSError as error:
            raise storage_error(error, self._folder) from error
        self._part.upload = Upload(name, path)
        self.uploads.append(self._part.upload)

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        part, piece = self._part, data[start:end]
        if part.upload is None:
            self._fields[part.field] += piece
            if len(self._fields[part.field]) > _METADATA_BYTES:
                raise too_large(_METADATA_BYTES, f"the field `{part.field.decode()}`")
            return
        part.upload.size += len(piece)
        if part.upload.size > self._limits.upload_bytes:
            if part.upload.problem is None:
                part.upload.problem = too_large(self._limits.upload_bytes, "the file")
            return
        if part.file is not None:
            part.file.write(piece)
            part.upload.digest.update(piece)

    def _close_part(self) -> None:
        if self._part.file is not None:
            self._part.file.flush()
            sync_file(self._part.file.fileno())
            self._part.file.close()
            self._part.file = None
        upload = self._part.upload
        if upload is not None and upload.problem is not None:
            upload.path.unlink()


async def receive_uploads(reader: UploadReader, body: AsyncIterator[bytes]) -> None:
    """Write a body to disk as it arrives, off the event loop."""
    async for piece in body:
        if piece:
            await run_in_threadpool(reader.feed, piece)
    await run_in_threadpool(reader.finish)


def too_many_uploads() -> Problem:
    """Return the 503 for an upload beyond those that the service receives at once."""
    return Problem(
        503,
        "busy",
        "Too many uploads at once",
        "the service is receiving as many uploads as it takes at once",
        cure="send the request again a little later",
        retry_after=5,
    )


def upload_name(name: str) -> str:
    """Return the name of an upload with its folders, whatever path was sent; it becomes a source and is never used as
    a path.

    Drives, `.`, `..` and leading slashes are left out. Raises InputError when no usable name is left.
    """
    parts = unicodedata.normalize("NFC", name.replace("\\", "/")).split("/")
    folders = [
        part.strip() for part in parts[:-1] if part.strip() not in {"", ".", ".."} and not _DRIVE.fullmatch(part)
    ]
    base = parts[-1].strip()
    whole = "/".join([*folders, base])
    long = len(base.encode()) > _NAME_BYTES or len(whole.encode()) > _PATH_BYTES
    if base in {"", ".", ".."} or show(whole) != whole or long:
        raise InputError(
            f"an upload cannot be named {show(name, 80)!r}",
            cure=f"give it a name of printable characters, at most {_NAME_BYTES} bytes, {_PATH_BYTES} with its folders",
        )
    return whole


def parse_acl(raw: str) -> tuple[str, ...]:
    """Return the access labels of a field: a JSON list, or labels separated by commas; none for everyone."""
    text = raw.strip()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError("the field `acl` is no JSON list", cure='send ["hr", "board"] or hr,board') from error
        if not all(isinstance(label, str) for label in listed):
            raise InputError("the field `acl` holds something that is no text", cure='send ["hr", "board"]')
        return checked_labels(listed)
    return checked_labels(label.strip() for label in text.split(",") if label.strip())


def parse_metadata(raw: bytes) -> Metadata:
    """Return a flat JSON object as metadata: scalars, or lists of scalars. Raises InputError."""
    if not raw.strip():
        return {}
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError("the field `metadata` is not JSON", cure='send an object such as {"team": "sales"}') from error
    return checked_metadata(content)


def checked_metadata(content: Any) -> Metadata:
    """Return a JSON value as metadata: an object of scalars, or lists of scalars. Raises InputError."""
    if not isinstance(content, dict) or len(content) > METADATA_KEYS:
        raise InputError("the field `metadata` is no JSON object", cure=f"send one with at most {METADATA_KEYS} keys")
    if ACL_KEY in content:
        raise InputError(
            f"the metadata key {ACL_KEY!r} is for access labels", cure=f"send them as the field {ACL_KEY!r}"
        )
    return {key: _metadata_value(key, value) for key, value in _encodable(content).items()}


def _encodable(content: Mapping[str, Any]) -> dict[str, Any]:
    written = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    cleaned: dict[str, Any] = json.loads(written, parse_int=_number)
    return cleaned


def _number(digits: str) -> int | float:
    """Return an integer as it can be stored: one beyond 64 bits as the nearest float, as filters compare it."""
    return int(digits) if len(digits) < 19 or -(2**63) <= int(digits) < 2**63 else float(digits)


def _metadata_value(key: str, value: Any) -> MetadataValue:
    if isinstance(value, list) and all(_is_scalar(item) for item in value):
        return tuple(value)
    if _is_scalar(value):
        scalar: MetadataValue = value
        return scalar
    raise InputError(
        f"metadata {show(key, 80)!r} is no text, number, boolean, null or list of these", cure="make it flat"
    )


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


def _malformed(why: str) -> Problem:
    return Problem(
        400,
        "multipart",
        "The upload is malformed",
        f"the multipart body cannot be read: {why}",
        cure="send multipart/form-data as an HTTP library builds it",
    )
