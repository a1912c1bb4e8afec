"""Pages of a listing: the parameters of a request."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

FILES_PAGE_LIMIT = 10_000
STORES_PAGE_LIMIT = 100

Cursor = Annotated[str, Field(max_length=12_000)]


class PageQuery(BaseModel):
    """A page of a listing. after: the id of the last entry of the page before; before: of the first of the page after.

    order: the listing's own without it.
    """

    after: Annotated[Cursor, Field(description="The id of the last entry of the page before.")] = ""
    before: Annotated[Cursor, Field(description="The id of the first entry of the page after.")] = ""
    order: Annotated[Literal["asc", "desc"] | None, Field(description="The listing's own when left out.")] = None


class StoresQuery(PageQuery):
    """A page of the collections, by name."""

    limit: Annotated[int, Field(ge=1, le=STORES_PAGE_LIMIT)] = 20


class StoreFilesQuery(PageQuery):
    """A page of the files of a collection, by source."""

    limit: Annotated[int, Field(ge=1, le=STORES_PAGE_LIMIT)] = 20
    filter: Annotated[
        Literal["in_progress", "completed", "failed", "cancelled"] | None, Field(description="Files of one status.")
    ] = None


class FilesQuery(PageQuery):
    """A page of the stored files, newest first."""

    limit: Annotated[int, Field(ge=1, le=FILES_PAGE_LIMIT)] = FILES_PAGE_LIMIT
    purpose: Annotated[str, Field(max_length=200, description="Files of one purpose.")] = ""
