"""Grounded answers from your documents, with citations that a program can check. The public API, and no logic."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# fmt: off
# isort: off
if TYPE_CHECKING:  # for type checkers: `as` marks a public name; a test compares both lists
    from ragkit.chat.base import ChatModel as ChatModel
    from ragkit.chat.loading import load_chat as load_chat
    from ragkit.citations.judges import Judge as Judge
    from ragkit.chains.chain import (
        Chain as Chain, installed_chain as installed_chain, list_chains as list_chains, load_chain as load_chain,
    )
    from ragkit.chains.trace import ChainRun as ChainRun, StepTrace as StepTrace, trace_lines as trace_lines
    from ragkit.chains.trace_files import load_trace as load_trace, trace_ids as trace_ids
    from ragkit.definitions.json_schema import Schema as Schema, load_schema as load_schema
    from ragkit.chunking.chunker import chunk_document as chunk_document
    from ragkit.concurrency.stages import observe_stages as observe_stages
    from ragkit.concurrency.stopping import stopping_with as stopping_with
    from ragkit.embedding.base import Embedder as Embedder
    from ragkit.embedding.loading import load_embedder as load_embedder
    from ragkit.embedding.query_batcher import QueryBatcher as QueryBatcher
    from ragkit.environment import (
        ENVIRONMENT_VARIABLES as ENVIRONMENT_VARIABLES, settings_from_env as settings_from_env,
    )
    from ragkit.errors import (
        AdapterRefusedError as AdapterRefusedError, AnswerFormatError as AnswerFormatError, BudgetError as
        BudgetError, ChatError as ChatError, ChatInterruptedError as ChatInterruptedError, ChatTimeoutError as
        ChatTimeoutError, ChatUnavailableError as ChatUnavailableError, ConfigError as ConfigError,
        ConflictError as ConflictError, CorruptError as CorruptError, DefinitionError as DefinitionError,
        EmbeddingError as EmbeddingError, ExtractionError as ExtractionError, FilterError as FilterError,
        InputError as InputError, LockedError as LockedError, MissingPackageError as MissingPackageError,
        ModelError as ModelError, ModelMismatchError as ModelMismatchError, NotFoundError as NotFoundError,
        QueryError as QueryError, RagkitError as RagkitError, Reason as Reason, SchemaVersionError as
        SchemaVersionError, StepError as StepError, StorageFullError as StorageFullError, StoreError as
        StoreError,
    )
    from ragkit.knowledge.adapter_training import LabelledQuestion as LabelledQuestion
    from ragkit.knowledge.comparing import ModelAnswer as ModelAnswer, compare_models as compare_models
    from ragkit.knowledge.document_passages import check_against as check_against
    from ragkit.knowledge.models import load_judge as load_judge
    from ragkit.knowledge.knowledge_base import KnowledgeBase as KnowledgeBase, open as open  # noqa: A004
    from ragkit.knowledge.several import search_collections as search_collections
    from ragkit.knowledge.validation import History as History
    from ragkit.knowledge.view import KnowledgeView as KnowledgeView
    from ragkit.knowledge.writer import KnowledgeWriter as KnowledgeWriter
    from ragkit.prompting.examples import ExampleFile as ExampleFile
    from ragkit.prompting.template import (
        PromptTemplate as PromptTemplate, find_template as find_template, list_templates as list_templates,
    )
    from ragkit.retrieval.reranking.text_ranker import TextRanker as TextRanker
    from ragkit.settings import (
        QUESTION_LIMIT as QUESTION_LIMIT, ChatSettings as ChatSettings, ChunkSettings as ChunkSettings,
        DenseSettings as DenseSettings, ModelSettings as ModelSettings, PromptSettings as PromptSettings,
        RetrievalSettings as RetrievalSettings, Settings as Settings,
    )
    from ragkit.store.opening import (
        collection_identity as collection_identity, create_collection as create_collection, data_folder as
        data_folder, delete_collection as delete_collection, list_collections as list_collections,
        restore_collection as restore_collection, shared_database as shared_database, shown_location as
        shown_location,
    )
    from ragkit.store.rows import Problem as Problem
    from ragkit.store.sharing.database import (
        CommitWatch as CommitWatch, SharedDatabase as SharedDatabase, Statements as Statements,
    )
    from ragkit.text.cleaning import clean_text as clean_text, show as show
    from ragkit.text.token_counter import decode_tokens as decode_tokens
    from ragkit.types.answers import Answer as Answer, CheckedSentence as CheckedSentence
    from ragkit.types.answers import Citation as Citation, TextCheck as TextCheck
    from ragkit.types.collection import (
        DocumentInfo as DocumentInfo, FileState as FileState, Fingerprint as Fingerprint, Generation as
        Generation, PreparedDocument as PreparedDocument,
    )
    from ragkit.types.documents import (
        UPLOAD_PREFIX as UPLOAD_PREFIX,
        Block as Block, BlockKind as BlockKind, Chunk as Chunk, Document as Document, Heading as Heading,
        Metadata as Metadata, MetadataValue as MetadataValue, Page as Page, Scalar as Scalar,
    )
    from ragkit.types.hits import Hit as Hit, Hits as Hits
    from ragkit.types.labels import ACL_KEY as ACL_KEY, checked_labels as checked_labels
    from ragkit.types.progress import AddProgress as AddProgress, AddReport as AddReport
    from ragkit.types.prompts import Example as Example, Message as Message, Prompt as Prompt, TemplateId as TemplateId

_HOMES = {
    "chat.base": "ChatModel",
    "chat.loading": "load_chat",
    "chunking.chunker": "chunk_document",
    "citations.judges": "Judge",
    "concurrency.stages": "observe_stages",
    "concurrency.stopping": "stopping_with",
    "chains.chain": "Chain installed_chain list_chains load_chain",
    "chains.trace": "ChainRun StepTrace trace_lines",
    "chains.trace_files": "load_trace trace_ids",
    "definitions.json_schema": "Schema load_schema",
    "embedding.base": "Embedder",
    "embedding.loading": "load_embedder",
    "embedding.query_batcher": "QueryBatcher",
    "environment": "ENVIRONMENT_VARIABLES settings_from_env",
    "errors":
        "AdapterRefusedError AnswerFormatError BudgetError ChatError ChatInterruptedError ChatTimeoutError "
        "ChatUnavailableError ConfigError ConflictError CorruptError DefinitionError EmbeddingError "
        "ExtractionError FilterError InputError LockedError "
        "MissingPackageError ModelError ModelMismatchError NotFoundError QueryError RagkitError Reason "
        "SchemaVersionError StepError StorageFullError StoreError",
    "knowledge.adapter_training": "LabelledQuestion",
    "knowledge.comparing": "ModelAnswer compare_models",
    "knowledge.document_passages": "check_against",
    "knowledge.models": "load_judge",
    "knowledge.knowledge_base": "KnowledgeBase open",
    "knowledge.several": "search_collections",
    "knowledge.validation": "History",
    "knowledge.view": "KnowledgeView",
    "knowledge.writer": "KnowledgeWriter",
    "prompting.examples": "ExampleFile",
    "prompting.template": "PromptTemplate find_template list_templates",
    "retrieval.reranking.text_ranker": "TextRanker",
    "settings":
        "QUESTION_LIMIT ChatSettings ChunkSettings DenseSettings ModelSettings PromptSettings RetrievalSettings "
        "Settings",
    "store.opening": "collection_identity create_collection data_folder delete_collection list_collections "
    "restore_collection shared_database shown_location",
    "store.rows": "Problem",
    "store.sharing.database": "CommitWatch SharedDatabase Statements",
    "text.cleaning": "clean_text show",
    "text.token_counter": "decode_tokens",
    "types.answers": "Answer CheckedSentence Citation TextCheck",
    "types.collection": "DocumentInfo FileState Fingerprint Generation PreparedDocument",
    "types.documents": "UPLOAD_PREFIX Block BlockKind Chunk Document Heading Metadata MetadataValue Page Scalar",
    "types.hits": "Hit Hits",
    "types.labels": "ACL_KEY checked_labels",
    "types.progress": "AddProgress AddReport",
    "types.prompts": "Example Message Prompt TemplateId",
}
# isort: on
# fmt: on
"""Module -> the public names that it defines; each is loaded when it is first used (PEP 562)."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__version__ = "0.1.0"
__all__ = sorted(["__version__", *_HOME_OF])  # noqa: PLE0605 - computed, so that each name stands once


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: `import ragkit` stays light."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    value = getattr(import_module(f"ragkit.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
