"""Finding: what a claim's study gave, in a folder that can be committed: items, figures, vectors, what ran."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from steerstack import __version__
from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.errors import StudyError
from steerstack.report.answer import ItemFrame
from steerstack.report.html import write_frame
from steerstack.steering.vector import SteeringVector
from steerstack.study.study_file import declare
from steerstack.util.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steerstack.report.answer import Answer
    from steerstack.study.result import Result
    from steerstack_plugins.evidence.programme import DeclaredClaim

_ITEMS, _RUN = "items.parquet", "run.json"


@dataclass(frozen=True)
class Finding:
    """What came out of one claim's study.

    Attributes
    ----------
    frame:
        One row an item and arm.
    run:
        What was run and on what, with its effects and its settings, as JSON holds it.
    """

    frame: pd.DataFrame
    run: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a folder holds; None where its study has not been run.

        Raises
        ------
        StudyError
            It is there and cannot be read.
        """
        if not (folder / _RUN).exists():
            return None
        try:
            run = json.loads((folder / _RUN).read_text(encoding="utf-8"))
            return cls(pd.read_parquet(folder / _ITEMS), run)
        except (OSError, ValueError) as error:
            raise StudyError(
                f"The finding in {folder} cannot be read.", seen=str(error)[:200], fix="Run the claim again."
            ) from error

    @cached_property
    def answer(self) -> Answer:
        """What the items say, as their kind of study words it; no estimate of the run's is read."""
        of = self.run
        items = ItemFrame(self.frame, str(of["behavior"]), of["clusters"])
        return declare(dict(of["study"]), "the study of a finding").answer(items)

    def stale(self, claim: DeclaredClaim) -> bool:
        """Whether the claim's study has changed since."""
        return bool(self.run["claim_digest"] != claim.digest)

    def record(self, folder: Path) -> RunRecord:
        """The run as a registry keeps it, its vectors included."""
        of, card = self.run, self.run["card"]
        vectors = {role: SteeringVector.load(folder / name) for role, name in of["vectors"].items()}
        return RunRecord(
            kind=of["kind"], behavior=of["behavior"], model_name=of["model"], model_fingerprint=of["model_fingerprint"],
            data_source=of["data_source"], data_digest=of["data_digest"], data_split=of["data_split"],
            n_items=of["n_items"], vectors=vectors, effects=[_effect(one) for one in of["effects"]],
            parameters=of["parameters"], files=[folder / _ITEMS], result={"evidence": dict(of)}, card=card,
        )  # fmt: skip


def write_finding(result: Result, claim: DeclaredClaim, folder: Path, *, seconds: float) -> None:
    """Write what came out of a claim's study; the run's own file comes last, so that half a finding is none.

    Parameters
    ----------
    result, claim:
        What came out, and of what.
    folder:
        Where.
    seconds:
        How long it took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_frame(result.rows(), folder)
    (folder / "items.csv").unlink()  # parquet is a tenth of it
    vectors = {}
    for place, (role, vector) in enumerate(result.vectors.items()):
        vectors[role] = f"vector-{place}.safetensors"
        vector.save(folder / vectors[role])
    whole, run = result.value, result.run_record()
    items = ItemFrame.of((), result.behavior, result.tested, result.clusters)
    write_json(folder / _RUN, {
        "claim_digest": claim.digest, "kind": run.kind, "behavior": run.behavior, "model": run.model_name,
        "model_fingerprint": run.model_fingerprint, "data_source": run.data_source, "data_digest": run.data_digest,
        "data_split": run.data_split, "n_items": run.n_items, "study": result.study.to_json(),
        "parameters": dict(run.parameters), "effects": [{**asdict(one), **one.to_json()} for one in run.effects],
        "clusters": items.clusters, "clusters_by": result.clusters_json,
        "leaks": whole["data_leaks"], "choices": whole.get("choices"), "selected": whole.get("selected"),
        "template": whole["template"], "warnings": result.warnings, "card": result.card, "vectors": vectors,
        "seconds": round(seconds), "version": __version__,
    })  # fmt: skip


def _effect(value: Mapping[str, Any]) -> Effect:
    return Effect(**{**value, **{key: float("nan") for key in ("value", "ci_low", "ci_high") if value[key] is None}})
