"""What the results of studies of several techniques share, and what their answers do: nulls, and the test items."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from steerstack.measure.scoring import scale_name
from steerstack.report.answer import Answer, ItemFrame
from steerstack.study.null_test import NullTest, beside
from steerstack.study.result import Result
from steerstack.techniques.fine_tunes import still
from steerstack.techniques.null_techniques import is_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.data.items import DataSet
    from steerstack.data.splits import Splits
    from steerstack.measure.competence import Competence
    from steerstack.study.technique_study import TechniqueStudy
    from steerstack.techniques.technique import Technique


class TechniqueResult(Result):
    """What came out of a study of several techniques.

    Attributes
    ----------
    techniques:
        Those that were compared, nulls among them.
    """

    techniques: Sequence[Technique]
    fits: Mapping[Any, Any]

    @property
    def records(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Of each fit, its technique and how it was made."""
        return [(name, fit.record) for (name, *_), fit in self.fits.items()]

    @property
    def warnings(self) -> list[str]:
        """The same, and fine-tunes that kept nothing of their training."""
        idle = [f"{name} kept nothing of its training in {of} fits." for name, of in still(self.records).items()]
        return [*super().warnings, *idle]

    @cached_property
    def items(self) -> ItemFrame:
        """All that the answer follows from."""
        return ItemFrame.of(self.rows(), self.behavior, self.tested, self.clusters)

    @property
    def references(self) -> list[str]:
        """Where each technique is from, for the page."""
        return [f"{one.name}: {one.paper}" for one in self.techniques if one.paper]

    @property
    def head(self) -> dict[str, object]:
        """What the file form of each such study holds: the study, the model, the answer."""
        return {
            "study": self.study.name,
            "behavior": self.behavior,
            "scale": scale_name(self.study.score),
            "data": ", ".join(sorted({data.source for data in self.tested.values()})),
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "paths": self.model.paths_taken,
            "clusters": self.clusters_json,
            "papers": {one.name: one.paper for one in self.techniques},
            "verdict": self.verdict,
        }


class OneSetResult(TechniqueResult):
    """The same, where all are measured on the test items of one data set."""

    splits: Splits
    competence: Competence

    @property
    def warning(self) -> str | None:
        """What the reader should know of how the model takes the items."""
        return self.competence.warning(self.study.score)

    @property
    def tested(self) -> dict[str, DataSet]:
        """The locked test items."""
        return {"test": self.splits.test}

    @property
    def head(self) -> dict[str, object]:
        """The same, with the items, and whether the model reacts to content."""
        return {
            **super().head,
            "declared": {**self.study.to_json(), "techniques": [one.describe() for one in self.techniques]},
            "n_test": len(self.splits.test),
            "data_digests": self.splits.digests,
            "competence": self.competence.to_json(),
            "warning": self.warning,
        }


@dataclass(frozen=True)
class TechniqueAnswer(Answer):
    """What the items of a study of several techniques say.

    Attributes
    ----------
    study, items:
        What was declared, and what came out.
    steered:
        Names of the techniques that are vectors, nulls aside.
    """

    study: TechniqueStudy
    items: ItemFrame
    steered: Sequence[str]

    @property
    @abstractmethod
    def effects_beside_nulls(self) -> Mapping[str, float]:
        """The number by which vectors stand beside their nulls: of each technique, nulls among them."""

    @cached_property
    def null_tests(self) -> dict[str, NullTest]:
        """Each vector beside the nulls."""
        effects = self.effects_beside_nulls
        nulls = {name: effect for name, effect in effects.items() if is_reference(name)}
        return {name: beside(effects[name], nulls) for name in self.steered if name in effects}

    def place(self, name: str) -> str:
        """How many nulls a technique moves the behaviour further than; empty without nulls, and for no vector."""
        return self.null_tests[name].place if name in self.null_tests else ""


@dataclass(frozen=True)
class OneSetAnswer(TechniqueAnswer):
    """The same, where all are measured on the test items of one data set."""

    @cached_property
    def tested(self) -> list[str]:
        """The test items by their ids."""
        return list(dict.fromkeys(self.items.frame.get("item", [])))

    @cached_property
    def groups(self) -> list[int] | None:
        """The cluster of each test item."""
        return self.items.groups(self.tested)

    @property
    def n(self) -> int:
        """Number of test items."""
        return len(self.tested)
