"""What a study works with while it runs: its model, data, ledger and progress."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find, full_name
from steerstack.contracts.recorder import Effect
from steerstack.data.splits import Splits, split
from steerstack.errors import StudyError
from steerstack.measure.arm import Arm
from steerstack.measure.form_choice import items_for_choice, remark_on
from steerstack.run.arms import CostOfPlans, Measure, ScoreArms
from steerstack.run.form_trial import settle_in
from steerstack.run.ledger import LEDGER, LOCK, Ledger, alone
from steerstack.run.progress import SILENT, Progress
from steerstack.run.samples import samples
from steerstack.run.start_crew import crew_for
from steerstack.stats import estimates
from steerstack.steering.intervention import Plan
from steerstack.steering.vector import SteeringVector
from steerstack.techniques import null_vectors
from steerstack.techniques.extract import extract
from steerstack.trace.open import open_model
from steerstack.util import digest
from steerstack.util.code import has_source
from steerstack.util.folders import home
from steerstack.util.text import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from steerstack.contracts import Extractor
    from steerstack.data.items import DataSet
    from steerstack.data.questions import Shots
    from steerstack.report.samples import Samples
    from steerstack.run.arms import ArmValues
    from steerstack.study.study import Study
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Session:
    """A study with all that it works with.

    Attributes
    ----------
    study, model, data:
        What is run, on which model, over which items (``limit`` taken).
    ledger:
        Where finished steps are kept.
    progress:
        Told how far it is.
    parts:
        The parts of the data, where they were given; None to draw them.
    """

    study: Study
    model: Model
    data: DataSet
    ledger: Ledger
    progress: Progress = field(default=SILENT)
    parts: Splits | None = None

    @property
    def folder(self) -> Path:
        """Where the study keeps its steps, vectors and weights."""
        return self.ledger.folder

    @cached_property
    def measure(self) -> Measure:
        """Scores arms through the ledger."""
        return Measure(self.study.score, self.ledger, self.progress)

    @cached_property
    def splits(self) -> Splits:
        """Training, validation and locked test items, by the study's seed."""
        return self.parts or split(self.data, seed=self.study.seed)

    def arm(self, label: str, plan: Plan | None = None, *, system: str | None = None, shots: Shots = ()) -> Arm:
        """An arm of the study's model."""
        return Arm(self.model, plan or Plan(), system, shots, label=label)

    def score(self, data: DataSet, arms: Sequence[Arm], what: str = "items") -> ScoreArms:
        """The request to score every item under every arm."""
        return ScoreArms(what, data, arms)

    def cost(self, plans: Sequence[Plan], what: str = "cost on neutral text") -> CostOfPlans:
        """The request for each plan's KL and perplexity on neutral text."""
        return CostOfPlans(what, self.model, plans)

    def samples(self, plans: Mapping[str, Plan], data: DataSet | None = None) -> Samples | None:
        """The first test items, or those of other data, answered under each plan: see :mod:`steerstack.run.samples`."""
        items = self.splits.test if data is None else data
        return samples(self.ledger, self.model, items, self.study.score, plans, self.progress)

    def extract(
        self, method: str | Extractor, data: DataSet | None = None, *, position: str | None = None
    ) -> SteeringVector:
        """A vector by a method, from the training items unless others are given."""
        extractor = find("extractor", method).make() if isinstance(method, str) else method
        items = self.splits.train if data is None else data

        def now() -> SteeringVector:
            self.progress.expect("pairs", len(items))
            return extract(self.model, items, extractor, position=position, progress=self.progress.counter("pairs"))

        return self.vector_once(extractor, "vector", [items.digest, position], now)

    def vector_once(
        self, method: Extractor, what: str, key: object, make: Callable[[], SteeringVector]
    ) -> SteeringVector:
        """A vector that is made by a method once: a study that goes on after a kill reads it from its ledger.

        Parameters
        ----------
        method:
            What makes it. One that is written in a notebook is run again: nobody could tell whether it was changed.
        what, key:
            Its name, and JSON of all that decides it beside the model and the method.
        make:
            Makes it.
        """
        if not has_source(type(method).__module__):
            return make()
        whole = [self.model.fingerprint, full_name("extractor", method), method.parameters(), key]
        code = (extract.__module__, null_vectors.__name__, type(method).__module__)
        return SteeringVector.from_json(self.ledger.once(what, whole, lambda: make().to_json(), code=code), what)

    def effect(self, name: str, arm: ArmValues, base: ArmValues, *, role: str = "") -> Effect:
        """The paired difference in mean log-odds between two arms over the same items, with its 95 % interval.

        The interval allows for items that come in clusters.
        """
        return Effect.of(name, estimates.difference(arm.log_odds, base.log_odds, groups=arm.groups).to_json(), role)


def data_of(study: Study, progress: Progress = SILENT) -> DataSet:
    """The items that a study names, as many as it takes; what their reader should know is said."""
    data = load_data(study.data, behavior=study.behavior, matching=study.matching)
    for remark in data.notes:
        progress.note(remark)
    return data


def model_of(study: Study, progress: Progress = SILENT) -> Model:
    """The model that a study names."""
    progress.phase(f"opening {study.model}")
    return open_model(
        study.model, revision=study.revision, dtype=study.dtype, device=study.device, remote=study.remote,
        template=study.template, form=study.form, reasoning=study.reasoning,
    )  # fmt: skip


def _as_declared(study: Study, model: Model) -> Model:
    """A model that was handed over, asked as the study says where it says something."""
    manner = model.format.manner
    declaration = replace(
        manner,
        template=study.template or manner.template,
        form=study.form or manner.form,
        reasoning=study.reasoning if study.reasoning != "closed" else manner.reasoning,
    )
    return model if declaration == manner else model.asked(declaration)


def _settled(study: Study, model: Model, items: DataSet, parts: Splits | None, place: Path, told: Progress) -> Model:
    """The model, asked in the answer form of the study, or in the one chosen on validation and training items."""
    if study.score == "text":
        return model
    told.phase("choice of the answer form")
    tried_on = items_for_choice(parts or items.limit(study.limit))
    variant = settle_in(Ledger(place), model, tried_on, study.score)
    remark = remark_on(variant, study.score)
    if remark:
        told.note(remark)
    return variant


def folder_of(study: Study, model: Model, data: DataSet) -> Path:
    """The study's own folder: the same declaration, model and data go on where they stopped, on any server."""
    name = digest.of_json([study.to_json(), model.fingerprint, data.digest])
    return home() / "studies" / f"{study.name}-{file_name(data.behavior)}-{name[:12]}"


def _remove(place: Path) -> None:
    """Remove what an earlier run of a study left in its folder, and never a folder of something else."""
    there = {path.name: path for path in place.iterdir()}
    if there.keys() <= {LOCK}:
        return
    if place.is_symlink() or not (place / LEDGER).is_file():
        raise StudyError(
            f"{place} is no study's folder, so nothing in it is removed.",
            seen=f"no {LEDGER} in it",
            fix="Choose another folder, or leave out `fresh`.",
        )
    try:
        for name, path in sorted(there.items(), key=lambda entry: entry[0] == LEDGER):  # last: it tells what this is
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif name != LOCK:  # we hold it
                path.unlink()
    except OSError as error:
        raise StudyError(f"{place} could not be emptied.", seen=str(error), fix="Mend its rights.") from error


@contextmanager
def open_session(
    study: Study,
    model: Model | None,
    data: DataSet | Splits | None,
    *,
    folder: Path | str | None,
    fresh: bool,
    engine: str,
    workers: int | None,
    gpus_per_worker: int | None = None,
    progress: Progress | None,
) -> Iterator[Session]:
    """A study ready to run: see :meth:`steerstack.Study.run` for the parameters."""
    listener = progress or SILENT
    parts = data if isinstance(data, Splits) else None
    items = data_of(study, listener) if data is None else data if not isinstance(data, Splits) else data.whole
    opened = model_of(study, listener) if model is None else _as_declared(study, model)
    place = folder_of(study, opened, items) if folder is None else Path(folder)
    source: dict[str, Any] = {"revision": study.revision, "dtype": study.dtype, "device": study.device}
    source |= {"source": study.model, "gpus": gpus_per_worker}
    with alone(place), ExitStack() as stack:
        if fresh:
            _remove(place)
        if (place / LEDGER).exists():
            listener.phase(f"going on with {place}")
        opened = _settled(study, opened, items, parts, place, listener)
        crew = stack.enter_context(crew_for(opened, engine, workers, note=listener.note, **source))
        yield Session(study, opened, items.limit(study.limit), Ledger(place, crew), listener, parts)


@contextmanager
def plan_session(study: Study, model: Model | None, data: DataSet | None) -> Iterator[Session]:
    """A study ready to be forecast: nothing is kept."""
    items = data_of(study) if data is None else data
    opened = model_of(study) if model is None else model
    with TemporaryDirectory() as scratch:
        yield Session(study, opened, items.limit(study.limit), Ledger(Path(scratch)))
