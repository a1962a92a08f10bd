"""Labellers: who says which answer exhibits the behaviour, and which items they get wrong first."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class Labeller(Method):
    """Someone who labels items and errs in a way of their own.

    A study asks for a share of wrong labels, and the labeller gets the items wrong of which :meth:`readiness` is
    highest; equals go in an order that is drawn by the study's seed.
    """

    @abstractmethod
    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """How readily it labels each item wrongly, one number an item.

        Parameters
        ----------
        data:
            Items with their true labels.
        model:
            The model that the study is about; it is left as it is.

        Returns
        -------
        ndarray
            Any monotone scale, without a unit; minus infinity for an item that it never gets wrong.

        Raises
        ------
        DataError
            The items do not hold what it goes by.
        """
