"""Grounded answers from your documents, with citations that a program can check. The public API, and no logic."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.adapting import (
        LabelledQuestion,
    )
    from ragkit.audit import (
        Problem,
    )
    from ragkit.backup import (
        restore_collection,
    )
    from ragkit.batching import (
        QueryBatcher,
    )
    from ragkit.catalog import (
        delete_collection,
        list_collections,
    )
    from ragkit.chat import (
        ChatModel,
        load_chat,
    )
    from ragkit.embed import (
        Embedder,
        load_embedder,
    )
    from ragkit.environment import (
        settings_from_env,
    )
    from ragkit.errors import (
        AdapterRefusedError,
        BudgetError,
        ChatError,
        ChatInterruptedError,
        ChatTimeoutError,
        ConfigError,
        ConflictError,
        CorruptError,
        EmbeddingError,
        ExtractionError,
        FilterError,
        InputError,
        LockedError,
        MissingPackageError,
        ModelError,
        ModelMismatchError,
        NotFoundError,
        QueryError,
        RagkitError,
        Reason,
        SchemaVersionError,
        StorageFullError,
        StoreError,
    )
    from ragkit.inputs import (
        History,
    )
    from ragkit.knowledge import (
        KnowledgeBase,
        open,  # noqa: A004 - ragkit.open reads well, as gzip.open does
    )
    from ragkit.progress import (
        AddProgress,
        AddReport,
    )
    from ragkit.records import (
        DocumentInfo,
        FileState,
        Fingerprint,
        Generation,
    )
    from ragkit.settings import (
        QUESTION_LIMIT,
        ChatSettings,
        ChunkSettings,
        DenseSettings,
        ModelSettings,
        PromptSettings,
        RetrievalSettings,
        Settings,
    )
    from ragkit.store import (
        create_collection,
    )
    from ragkit.text import (
        clean_text,
        show,
    )
    from ragkit.types import (
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
    from ragkit.writer import (
        KnowledgeWriter,
    )

__version__ = "0.1.0"

__all__ = [
    "QUESTION_LIMIT",
    "AdapterRefusedError",
    "AddProgress",
    "AddReport",
    "Answer",
    "Block",
    "BlockKind",
    "BudgetError",
    "ChatError",
    "ChatInterruptedError",
    "ChatModel",
    "ChatSettings",
    "ChatTimeoutError",
    "Chunk",
    "ChunkSettings",
    "Citation",
    "ConfigError",
    "ConflictError",
    "CorruptError",
    "DenseSettings",
    "Document",
    "DocumentInfo",
    "Embedder",
    "EmbeddingError",
    "Example",
    "ExtractionError",
    "FileState",
    "FilterError",
    "Fingerprint",
    "Generation",
    "Heading",
    "History",
    "Hit",
    "Hits",
    "InputError",
    "KnowledgeBase",
    "KnowledgeWriter",
    "LabelledQuestion",
    "LockedError",
    "Message",
    "Metadata",
    "MetadataValue",
    "MissingPackageError",
    "ModelError",
    "ModelMismatchError",
    "ModelSettings",
    "NotFoundError",
    "Page",
    "Problem",
    "Prompt",
    "PromptSettings",
    "QueryBatcher",
    "QueryError",
    "RagkitError",
    "Reason",
    "RetrievalSettings",
    "Scalar",
    "SchemaVersionError",
    "Settings",
    "StorageFullError",
    "StoreError",
    "__version__",
    "clean_text",
    "create_collection",
    "delete_collection",
    "list_collections",
    "load_chat",
    "load_embedder",
    "open",
    "restore_collection",
    "settings_from_env",
    "show",
]

_HOMES = {
    "adapting": ("LabelledQuestion",),
    "audit": ("Problem",),
    "backup": ("restore_collection",),
    "batching": ("QueryBatcher",),
    "catalog": (
        "delete_collection",
        "list_collections",
    ),
    "chat": (
        "ChatModel",
        "load_chat",
    ),
    "embed": (
        "Embedder",
        "load_embedder",
    ),
    "environment": ("settings_from_env",),
    "errors": (
        "AdapterRefusedError",
        "BudgetError",
        "ChatError",
        "ChatInterruptedError",
        "ChatTimeoutError",
        "ConfigError",
        "ConflictError",
        "CorruptError",
        "EmbeddingError",
        "ExtractionError",
        "FilterError",
        "InputError",
        "LockedError",
        "MissingPackageError",
        "ModelError",
        "ModelMismatchError",
        "NotFoundError",
        "QueryError",
        "RagkitError",
        "Reason",
        "SchemaVersionError",
        "StorageFullError",
        "StoreError",
    ),
    "inputs": ("History",),
    "knowledge": (
        "KnowledgeBase",
        "open",
    ),
    "progress": (
        "AddProgress",
        "AddReport",
    ),
    "records": (
        "DocumentInfo",
        "FileState",
        "Fingerprint",
        "Generation",
    ),
    "settings": (
        "QUESTION_LIMIT",
        "ChatSettings",
        "ChunkSettings",
        "DenseSettings",
        "ModelSettings",
        "PromptSettings",
        "RetrievalSettings",
        "Settings",
    ),
    "store": ("create_collection",),
    "text": (
        "clean_text",
        "show",
    ),
    "types": (
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
    ),
    "writer": ("KnowledgeWriter",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562): `import ragkit` stays light."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    value = getattr(import_module(f"ragkit.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
