"""The values that flow: Document, Chunk, Hit, Prompt, Answer, and what a collection says of itself."""

from ragkit.types.documents import (
    Answer,
    Block,
    BlockKind,
    Chunk,
    Citation,
    Document,
    Example,
    Heading,
    Hit,
    Hits,
    Message,
    Metadata,
    MetadataValue,
    Page,
    Prompt,
    Scalar,
)

__all__ = [
    "Answer",
    "Block",
    "BlockKind",
    "Chunk",
    "Citation",
    "Document",
    "Example",
    "Heading",
    "Hit",
    "Hits",
    "Message",
    "Metadata",
    "MetadataValue",
    "Page",
    "Prompt",
    "Scalar",
]
