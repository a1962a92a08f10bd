"""What recorders are told: frozen values, so that the core knows no registry."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.steering.vector import SteeringVector


MAIN = "base"
"""Role of a vector that is registered under its behaviour, model and method alone."""

EVALUATE = "evaluate"
"""Kind of a run that leaves the account of a known vector as it is."""


@dataclass(frozen=True)
class Effect:
    """One measured effect, as it is to be kept with its vector.

    Attributes
    ----------
    name:
        Metric name, made of letters, digits, ``_ - . /`` and spaces.
    value, ci_low, ci_high, n:
        The estimate, its interval and the number of items.
    role:
        The vector, among those of the run, whose effect it is; empty for the first one. With a role that
        none of them has it is an effect of something else (a baseline, a null), and the run's alone.
    data, data_digest:
        What it was measured on, where that is not the run's data: a name and its digest.
    """

    name: str
    value: float
    ci_low: float
    ci_high: float
    n: int
    role: str = ""
    data: str = ""
    data_digest: str = ""

    @classmethod
    def of(cls, name: str, estimate: Mapping[str, Any], role: str = "") -> Effect:
        """The effect that an estimate says in its JSON form, in which what is no number is null."""
        value, low, high = (
            math.nan if estimate[part] is None else float(estimate[part]) for part in ("value", "ci_low", "ci_high")
        )
        return cls(name, value, low, high, estimate["n"], role)

    def to_json(self) -> dict[str, object]:
        """As JSON results hold it; what is no number is null."""
        numbers = {"value": self.value, "ci_low": self.ci_low, "ci_high": self.ci_high}
        values = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
        return {"name": self.name, **values, "n": self.n, "role": self.role}


@dataclass(frozen=True)
class RunRecord:
    """All that is kept of one run: what went in, what came out.

    Attributes
    ----------
    kind:
        ``extract``, ``evaluate``, ``sweep`` or ``stack``.
    behavior:
        The behaviour.
    model_name, model_fingerprint:
        The model that was run.
    data_source, data_digest, data_split, n_items:
        The data it was measured on.
    vectors:
        The vectors, by role (:data:`MAIN`, ``refitted on ...``). The first one is the main one.
    effects:
        Measured effects, of the main vector where they do not say of which.
    parameters:
        Settings worth comparing between runs.
    files:
        Files to keep beside it.
    result:
        The whole result, as JSON.
    card:
        A readable account of the main vector, in Markdown.
    verdict:
        The answer in words; empty where there is none.
    failures:
        Where the vectors fail, in words, by role; a role that is not named fails where its effects say so.
    """

    kind: str
    behavior: str
    model_name: str
    model_fingerprint: str
    data_source: str
    data_digest: str
    data_split: str
    n_items: int
    vectors: Mapping[str, SteeringVector]
    effects: Sequence[Effect] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[Path] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""
    verdict: str = ""
    failures: Mapping[str, Sequence[str]] = field(default_factory=dict)


class KeptEffect(TypedDict):
    """An effect of a registered vector: its estimate, the data it was measured on, and the run that did."""

    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    data: str | None
    data_digest: str | None
    run_id: str


class VectorRow(TypedDict):
    """One registered version of a vector, as lists show it; ``effects`` by name, the newest of each."""

    name: str
    version: int
    uri: str
    aliases: list[str]
    behavior: str
    model: str
    method: str
    role: str
    fingerprint: str
    created: str
    effects: dict[str, KeptEffect]


@dataclass(frozen=True)
class Recorded:
    """Where a run was recorded.

    Attributes
    ----------
    tracking_uri, run_id:
        The store and the run in it.
    model_uri:
        The main vector's registered version, ``models:/NAME/VERSION``; empty without a vector.
    """

    tracking_uri: str
    run_id: str
    model_uri: str = ""


class Recorder(ABC):
    """Keeps runs, and shows them. Every method raises RegistryError when the store cannot be reached.

    ``tracking_uri`` names the store; None is the default one.
    """

    name: ClassVar[str]

    @abstractmethod
    def record(self, run: RunRecord, *, tracking_uri: str | None) -> Recorded:
        """Keep one run. A run that cannot be delivered is kept locally before the error is raised."""

    @abstractmethod
    def send(self, *, tracking_uri: str | None) -> list[Recorded]:
        """Deliver what was kept locally."""

    @abstractmethod
    def check(self, *, tracking_uri: str | None) -> str:
        """One line on the store: where it is, and that it answers."""

    def ready(self, *, tracking_uri: str | None) -> str:
        """Look at the store before any work: raise if it will never take results.

        What is wrong with one that is only away for now is given back, in words; empty where nothing is.
        """
        del tracking_uri
        return ""

    @abstractmethod
    def list_vectors(self, *, tracking_uri: str | None, limit: int | None = None) -> list[VectorRow]:
        """Registered vectors, newest first.

        ``limit`` keeps the newest only; None is all of them.
        """

    @abstractmethod
    def show_vector(self, vector: str, *, tracking_uri: str | None) -> dict[str, Any]:
        """All that is known of one registered vector."""

    @abstractmethod
    def load_vector(self, uri: str, *, tracking_uri: str | None) -> SteeringVector:
        """The vector behind an address such as ``models:/NAME@ALIAS``."""

    @abstractmethod
    def serve(self, *, tracking_uri: str | None, host: str, port: int) -> None:
        """Show the store in a browser until interrupted."""
