"""A page of rows as Submittals answers it (fact sheet 0, paging)."""

from typing import Generic, TypeVar

from acc.models.base import AccModel, Rows, SafeInteger

Row = TypeVar("Row")


class Pagination(AccModel):
    """Position of a page in the whole list, as the service counts it.

    `next_url` is absent on the last page in some samples and null in others. `limit` is what the service applied,
    which need not be what was asked.
    """

    limit: SafeInteger | None = None
    offset: SafeInteger | None = None
    total_results: SafeInteger | None = None
    next_url: str | None = None
    previous_url: str | None = None


class ResultPage(AccModel, Generic[Row]):
    """Some rows of a list."""

    pagination: Pagination = Pagination()
    results: Rows[Row]
