"""Pages of a listing: the parameters of a request."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

FILES_PAGE_LIMIT = 10_000
STORES_PAGE_LIMIT = 100

Cursor = Annotated[str, Field(max_length=12_000)]


class PageQuery(BaseModel):
    """A page of a listing by time. after: the id of the last entry of the page before; before: of the first of the page
    after. An id that is not of the listing is refused."""

    after: Annotated[Cursor, Field(description="The id of the last entry of the page before.")] = ""
    before: Annotated[Cursor, Field(description="The id of the first entry of the page after.")] = ""
    order: Annotated[Literal["asc", "desc"], Field(description="By time: desc is newest first.")] = "desc"
    limit: Annotated[int, Field(ge=1, le=STORES_PAGE_LIMIT)] = 20


class StoreFilesQuery(PageQuery):
    """A page of the files of a collection or of a batch."""

    filter: Annotated[
        Literal["in_progress", "completed", "failed", "cancelled"] | None, Field(description="Files of one status.")
    ] = None


class FilesQuery(PageQuery):
    """A page of the stored files."""

    limit: Annotated[int, Field(ge=1, le=FILES_PAGE_LIMIT)] = FILES_PAGE_LIMIT
    purpose: Annotated[str, Field(max_length=200, description="Files of one purpose.")] = ""
