"""The values that flow: Document, Chunk, Hit, Prompt, Answer, and the facts of a collection."""

from ragkit.types.answers import Answer, Citation
from ragkit.types.documents import Block, BlockKind, Chunk, Document, Heading, Metadata, MetadataValue, Page, Scalar
from ragkit.types.hits import Hit, Hits
from ragkit.types.prompts import Example, Message, Prompt

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
