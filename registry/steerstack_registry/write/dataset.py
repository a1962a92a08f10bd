"""Data sets as MLflow sees them: a name, a digest and where they come from."""

import json
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset_source import DatasetSource

from steerstack.util.text import file_name
from steerstack_registry.access.names import DIGEST_LENGTH

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

    from steerstack.contracts.recorder import Effect, RunRecord
    from steerstack.data.items import DataSet


class SteerstackSource(DatasetSource):  # type: ignore[misc,unused-ignore]
    """A file or a shipped behaviour, by what ``--data`` takes."""

    def __init__(self, source: str, digest: str = "", behavior: str = "") -> None:
        self.source, self.digest, self.behavior = source, digest, behavior

    @staticmethod
    def _get_source_type() -> str:
        return "steerstack"

    def load(self) -> "DataSet":
        """Read the data set again, where the source is still there."""
        from steerstack.catalog.data import load_data

        return load_data(self.source, behavior=self.behavior or None)

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return False  # never guess that somebody else's string is ours

    @classmethod
    def _resolve(cls, raw_source: Any) -> "SteerstackSource":
        return cls(str(raw_source))

    def to_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"source": self.source, "digest": self.digest, "behavior": self.behavior}

    @classmethod
    def from_dict(cls, source_dict: dict[str, Any]) -> "SteerstackSource":
        """From JSON."""
        return cls(**source_dict)


def dataset_of(run: "RunRecord", effect: "Effect | None" = None) -> tuple[str, str]:
    """Name and digest of a run's data, or of an effect's own.

    ``<behavior>-<split>``: MLflow tells data sets apart by name and digest, not by context. The digest is as much
    as MLflow takes; the whole one is in the source.
    """
    if effect is not None and effect.data_digest:
        return file_name(effect.data), effect.data_digest[:DIGEST_LENGTH]
    return file_name(f"{run.behavior}-{run.data_split}"), run.data_digest[:DIGEST_LENGTH]


def dataset_inputs(run: "RunRecord") -> "list[DatasetInput]":
    """The data of a run, with its split as the context, and that of effects with data of their own."""
    whole = SteerstackSource(run.data_source, run.data_digest, run.behavior)
    inputs = [_input(*dataset_of(run), whole, run.n_items, run.data_split)]
    for effect in run.effects:
        if effect.data_digest:
            own = SteerstackSource(effect.data, effect.data_digest, run.behavior)
            inputs.append(_input(*dataset_of(run, effect), own, effect.n, run.data_split))
    return inputs


def _input(name: str, digest: str, source: SteerstackSource, n: int, split: str) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name,
        digest=digest,
        source_type=source._get_source_type(),
        source=source.to_json(),
        profile=json.dumps({"num_items": n, "split": split}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", split)])
