"""What callers may give where a data set is wanted, and what they are told otherwise."""

from steerstack.data.items import DataSet
from steerstack.data.splits import Splits
from steerstack.errors import ArgumentError


def as_data(data: object, part: str) -> DataSet:
    """The data set itself; raises ArgumentError for anything else.

    Parameters
    ----------
    data:
        What was given.
    part:
        Which part of a split is meant where all of it was given: ``train``, ``validation`` or ``test``.
    """
    if isinstance(data, DataSet):
        return data
    if isinstance(data, Splits):
        raise ArgumentError("All three parts of a split are given.", fix=f"Give one of them: parts.{part}.")
    if isinstance(data, str):
        raise ArgumentError(
            "The data set is given by its name.", seen=repr(data), fix=f"Load it: data = load_data({data!r})."
        )
    raise ArgumentError(
        f"A {type(data).__name__} is no data set.",
        fix="Give load_data(...), DataSet.from_pairs([(question, exhibits, not), ...], behavior=NAME) or from_pandas.",
    )
