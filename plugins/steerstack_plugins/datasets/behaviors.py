"""The data sets of our own writing, one for each of the five target behaviours."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, final

from steerstack.contracts import BehaviorSource
from steerstack.data.items import DataSet, SystemPrompts
from steerstack_plugins.datasets.tables import table_items


@cache
def _about() -> dict[str, Any]:
    return json.loads(_folder().joinpath("behaviors.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _folder() -> Path:
    return Path(str(files("steerstack_plugins.datasets") / "own"))


@final
class Shipped(BehaviorSource):
    """Questions with an answer that exhibits the behaviour and one that does not.

    Written for steerstack, balanced by letter, with no lead in length or in Yes and No.
    """

    name = "shipped"

    def behaviors(self) -> Sequence[str]:
        """The five target behaviours."""
        return list(_about())

    def load(self, behavior: str) -> DataSet:
        """One data set, with its system prompts."""
        about, path = _about()[behavior], _folder() / f"{behavior}.jsonl"
        items = tuple(table_items(path))
        prompts = SystemPrompts(tuple(about["positive"]), tuple(about["negative"]))
        return DataSet(behavior, items, about["exhibits"], f"steerstack:{behavior}", prompts)
