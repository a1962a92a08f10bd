"""All that a search of MLflow finds: it answers in pages, and its own defaults leave out what is beyond the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow.store.entities import PagedList

PAGE = 1000
"""Entries a page: the most that MLflow gives of registered models."""


def everything(
    search: Callable[..., PagedList[Any]], *asked: Any, most: int | None = None, **how: Any
) -> Iterator[Any]:
    """What all pages of a search hold, each fetched when it is come to.

    Parameters
    ----------
    search:
        One of ``MlflowClient``'s searches.
    *asked, **how:
        Its arguments, but for the page.
    most:
        How many are wanted, which keeps pages small; None for all.
    """
    size = PAGE if most is None else max(1, min(most, PAGE))
    token, found = None, 0
    while True:
        page = search(*asked, max_results=size, page_token=token, **how)
        yield from page if most is None else page[: most - found]
        token, found = page.token, found + len(page)
        if not token or (most is not None and found >= most):
            return
