"""Makes Outlook messages (.msg) for tests: MAPI properties in a compound file, written from the specification."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
Tree = Mapping[str, "bytes | Tree"]


@dataclass(slots=True)
class Message:
    """What a .msg is made of. attachments: (name, bytes or another message); to: (name, address)."""

    subject: str = ""
    sender: tuple[str, str] = ("", "")
    to: Sequence[tuple[str, str]] = ()
    body: str = ""
    html: bytes = b""
    rtf: bytes = b""
    sent: datetime | None = None
    attachments: Sequence[tuple[str, bytes | Message]] = ()
    ansi: str = ""
    extra: Mapping[str, bytes] = field(default_factory=dict)


def message_file(message: Message) -> bytes:
    """Return the bytes of a .msg file."""
    return compound_file(_storage(message, top=True))


def _storage(message: Message, *, top: bool) -> dict[str, bytes | Tree]:
    tree: dict[str, bytes | Tree] = dict(message.extra)
    for tag, text in (
        (0x0037, message.subject),
        (0x0C1A, message.sender[0]),
        (0x5D01, message.sender[1]),
        (0x1000, message.body),
    ):
        if text and message.ansi:
            tree[f"__substg1.0_{tag:04X}001E"] = text.encode(message.ansi)
        elif text:
            tree[f"__substg1.0_{tag:04X}001F"] = text.encode("utf-16-le")
    if message.html:
        tree["__substg1.0_10130102"] = message.html
    if message.rtf:
        tree["__substg1.0_10090102"] = message.rtf
    fixed = b""
    if message.ansi:
        fixed += struct.pack("<IIII", 0x3FFD0003, 6, int(message.ansi.removeprefix("cp")), 0)
    if message.sent:
        ticks = int((message.sent - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
        fixed += struct.pack("<IIQ", 0x00390040, 6, ticks)
    tree["__properties_version1.0"] = bytes(32 if top else 24) + fixed
    for number, (name, address) in enumerate(message.to):
        tree[f"__recip_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8) + struct.pack("<IIII", 0x0C150003, 6, 1, 0),
            "__substg1.0_3001001F": name.encode("utf-16-le"),
            "__substg1.0_39FE001F": address.encode("utf-16-le"),
        }
    for number, (name, content) in enumerate(message.attachments):
        inner: dict[str, bytes | Tree] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3707001F": name.encode("utf-16-le"),
        }
        if isinstance(content, bytes):
            inner["__substg1.0_37010102"] = content
        else:
            inner["__substg1.0_3701000D"] = _storage(content, top=False)
        tree[f"__attach_version1.0_#{number:08X}"] = inner
    return tree


@dataclass(slots=True)
class _Entry:
    name: str
    kind: int  # 5 root, 1 storage, 2 stream
    data: bytes = b""
    child: int = _FREE
    right: int = _FREE
    start: int = _END
    size: int = 0


def compound_file(tree: Tree) -> bytes:
    """Return an OLE2 compound file of version 3; short streams are in the mini stream, as every writer puts them."""
    entries = [_Entry("Root Entry", 5)]
    _add(tree, entries[0], entries)
    mini, mini_fat = bytearray(), list[int]()
    for entry in entries:
        if entry.kind == 2 and 0 < len(entry.data) < 4096:
            entry.start, entry.size = len(mini) // 64, len(entry.data)
            count = -(-len(entry.data) // 64)
            mini += entry.data.ljust(count * 64, b"\0")
            mini_fat += [*range(entry.start + 1, entry.start + count), _END]
    sectors, fat = bytearray(), list[int]()

    def put(data: bytes) -> int:
        start, count = len(sectors) // 512, max(1, -(-len(data) // 512))
        sectors.extend(data.ljust(count * 512, b"\0"))
        fat.extend([*range(start + 1, start + count), _END])
        return start

    for entry in entries:
        if entry.kind == 2 and len(entry.data) >= 4096:
            entry.start, entry.size = put(entry.data), len(entry.data)
    entries[0].start, entries[0].size = put(bytes(mini)), len(mini)
    mini_fat_start = put(b"".join(struct.pack("<I", item) for item in mini_fat).ljust(512, b"\xff"))
    directory = put(b"".join(map(_packed, entries)))
    mini_fat_sectors = max(1, -(-len(mini_fat) * 4 // 512))
    count = 1
    while count * 128 < len(fat) + count:
        count += 1
    first = len(fat)
    fat += [_FAT] * count
    raw = b"".join(struct.pack("<I", item) for item in fat).ljust(count * 512, b"\xff")
    head = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII",
        bytes.fromhex("d0cf11e0a1b11ae1"), bytes(16), 0x3E, 3, 0xFFFE, 9, 6, 0, count, directory, 0, 4096,
        mini_fat_start, mini_fat_sectors, _END, 0,
    )  # fmt: skip
    places = [*range(first, first + count), *[_FREE] * (109 - count)]
    return head + b"".join(struct.pack("<I", item) for item in places) + bytes(sectors) + raw


def _add(tree: Tree, parent: _Entry, entries: list[_Entry]) -> None:
    before: _Entry | None = None
    for name, content in sorted(tree.items(), key=lambda pair: (len(pair[0]), pair[0].upper())):
        entry = _Entry(name, 2, content) if isinstance(content, bytes) else _Entry(name, 1)
        entries.append(entry)
        if before is None:
            parent.child = len(entries) - 1
        else:
            before.right = len(entries) - 1
        before = entry
        if not isinstance(content, bytes):
            _add(content, entry, entries)


def _packed(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sI8s8sIQ",
        name, len(name) + 2, entry.kind, 1, _FREE, entry.right, entry.child, bytes(16), 0, bytes(8), bytes(8),
        entry.start, entry.size,
    )  # fmt: skip
