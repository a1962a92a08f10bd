"""Result: what came out of a study, the same from Python as from the command line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.data.items import DataSet
from steerstack.data.words import CLEAN, word_guesses
from steerstack.measure.form_choice import shown_mass
from steerstack.report.html import write_frame, write_page
from steerstack.report.page import Table, interval
from steerstack.report.picture import drawing
from steerstack.report.samples import samples_section
from steerstack.stats.item_clusters import Clusters, clusters
from steerstack.study.fair_choices import Chances, compute_told, remarks, unequal
from steerstack.util import digest
from steerstack.util.files import write_json
from steerstack.util.numbers import signed
from steerstack.util.text import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.contracts.recorder import Recorded
    from steerstack.data.items import Item
    from steerstack.data.words import WordGuesses
    from steerstack.report.page import Page
    from steerstack.report.samples import Samples
    from steerstack.steering.vector import SteeringVector
    from steerstack.study.claims import Claims
    from steerstack.study.study import Study
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Files:
    """What :meth:`Result.save` wrote: the page with its pictures, the frame, the JSON, the vectors."""

    report: Path
    pictures: tuple[Path, ...]
    frame: Path
    table: Path
    json: Path
    vectors: tuple[Path, ...]

    @property
    def to_record(self) -> list[Path]:
        """Those that are kept with a run in the registry: page, pictures, frame and table."""
        return [self.report, *self.pictures, self.frame, self.table]


class Result(ABC):
    """What came out of a study, before it is written anywhere.

    Attributes
    ----------
    study, model:
        What was run, and on which model.
    samples:
        What the model says under the arms, where the study lets it speak.
    """

    study: Study
    model: Model
    samples: Samples | None = None

    @property
    @abstractmethod
    def verdict(self) -> str:
        """The answer in words."""

    @property
    @abstractmethod
    def effects(self) -> Sequence[Effect]:
        """Every measured effect by name, with its interval and n."""

    @property
    @abstractmethod
    def tested(self) -> Mapping[str, DataSet]:
        """The data sets that effects were measured on, by name."""

    @property
    @abstractmethod
    def claims(self) -> Claims:
        """The arms that anyone can measure again."""

    @abstractmethod
    def rows(self) -> list[dict[str, object]]:
        """One row an item and arm: the frame before it is one."""

    @abstractmethod
    def to_json(self) -> dict[str, object]:
        """The file form of ``--json``, without where it was recorded."""

    @cached_property
    def clusters(self) -> dict[str, Clusters | None]:
        """By the name of each tested data set, the clusters that its items come in."""
        return {name: clusters(data) for name, data in self.tested.items()}

    def groups(self, name: str = "test") -> Sequence[int] | None:
        """The cluster of each item of a tested data set; None where they are as good as independent."""
        partition = self.clusters[name]
        return partition.labels if partition else None

    @property
    def clusters_json(self) -> dict[str, object]:
        """As results hold it: how many clusters, and what their items share; null for independent items."""
        return {
            name: partition and {"count": partition.count, "by": partition.by}
            for name, partition in self.clusters.items()
        }

    @property
    def choices(self) -> Sequence[Chances]:
        """What each technique tried, and what that took; empty where nothing was chosen."""
        return ()

    @cached_property
    def value(self) -> dict[str, object]:
        """What :meth:`to_json` gives, computed once, and how the model was asked."""
        leaks = {name: guesses.to_json() for name, guesses in self.leaks.items()}
        value = {**self.to_json(), "data_leaks": leaks, "template": self.model.format.describe()}
        if "choices" in value:
            value |= {"choices_warning": unequal(self.choices), "compute_warning": compute_told(self.choices)}
        mass = shown_mass(self.model, self.study.score)
        if mass is not None:
            value["label_mass"] = {**mass.to_json(), "on": "validation", "warning": mass.warning()}
        return value

    @cached_property
    def leaks(self) -> dict[str, WordGuesses]:
        """What the words of the answers alone give away, over all items of the study, by behaviour."""
        claims = self.claims
        items: dict[str, dict[str, Item]] = {}
        for data in (*claims.tested.values(), *claims.trained.values(), *claims.chosen.values()):
            items.setdefault(data.behavior, {}).update({item.id: item for item in data})
        whole = {name: DataSet(name, tuple(of.values()), "", "") for name, of in items.items()}
        guesses = {name: word_guesses(data) for name, data in whole.items()}
        return {name: guess for name, guess in guesses.items() if guess is not None}

    @property
    def warnings(self) -> list[str]:
        """What the reader of the result should know: the page's warnings, and data whose words give the answer away."""
        sentences = [f"{name}: {leak.text}." for name, leak in self.leaks.items() if leak.accuracy > CLEAN]
        chances = [unequal(self.choices), compute_told(self.choices), *remarks(self.choices)]
        return [*self.page().warnings, *filter(None, chances), *sentences]

    @abstractmethod
    def page(self) -> Page:
        """The page as a value: verdict, figures, tables, methods, what is needed to run it again."""

    def summary(self) -> Table:
        """What a terminal shows above the verdict: by default every effect."""
        rows = [[effect.name, interval(effect), str(effect.n)] for effect in self.effects]
        return Table(f"{self.behavior}: {self.study.name}", ["effect", "estimate and 95 % interval", "n"], rows)

    @property
    def vectors(self) -> Mapping[str, SteeringVector]:
        """The vectors by their role, the main one first."""
        return {}

    @property
    def card(self) -> str:
        """A readable account of the main vector, in Markdown: the verdict, and sample answers where there are some."""
        return "\n".join([markdown(self.verdict), "", *samples_section(self.samples)]).rstrip()

    @property
    def failures(self) -> Mapping[str, Sequence[str]]:
        """Where each vector fails, in words, by its role; a role that is not named fails where its effects say so."""
        return {}

    @property
    def parameters(self) -> dict[str, object]:
        """Settings worth comparing between runs."""
        settings = self.study.to_json()
        return {
            name: value for name, value in settings.items() if value is not None and not isinstance(value, list | dict)
        }

    @property
    def part(self) -> str:
        """Which part of the data was measured on: ``test``, or ``all``."""
        return "test"

    @property
    def behavior(self) -> str:
        """The behaviour that was measured."""
        return next(iter(self.tested.values())).behavior

    def frame(self) -> pd.DataFrame:
        """One row an item and arm."""
        return pd.DataFrame(self.rows())

    def save(self, folder: Path | str, *, report: Path | str | None = None) -> Files:
        """Write the page, its pictures, the frame, the JSON and the vectors.

        Parameters
        ----------
        folder:
            Where; it is made if need be.
        report:
            Where the page goes; None for ``report.html`` in the folder.

        Raises
        ------
        SteerstackError
            A file cannot be written; what was there before is kept.
        """
        place = Path(folder)
        page = Path(report) if report else place / "report.html"
        pictures = write_page(replace(self.page(), warnings=self.warnings), page)
        frame, table = write_frame(self.rows(), place)
        vectors = {place / f"vector-{digest.of_json(role)[:8]}.safetensors": v for role, v in self.vectors.items()}
        for path, vector in vectors.items():
            vector.save(path)
        files = Files(page, tuple(pictures), frame, table, place / "result.json", tuple(vectors))
        write_json(files.json, {**self.value, "report": str(page), "frame": str(frame), "mlflow": None})
        return files

    def save_figures(self, folder: Path | str) -> list[Path]:
        """Write the page's figures as PDF and PNG and its tables as LaTeX (``booktabs``) and CSV, for a paper.

        Parameters
        ----------
        folder:
            Where; it is made if need be.

        Raises
        ------
        SteerstackError
            A file cannot be written.
        """
        from steerstack.report.export import write_figures

        return write_figures(self.page(), Path(folder))

    def run_record(self, files: Sequence[Path] = ()) -> RunRecord:
        """What the registry keeps of it."""
        tested = self.tested
        digests = {name: data.digest for name, data in tested.items()}
        return RunRecord(
            kind=self.study.name,
            behavior=self.behavior,
            model_name=self.model.name,
            model_fingerprint=self.model.fingerprint,
            data_source=", ".join(sorted({data.source for data in tested.values()})),
            data_digest=next(iter(digests.values())) if len(digests) == 1 else digest.of_json(digests),
            data_split=self.part,
            n_items=sum(len(data) for data in tested.values()),
            vectors=self.vectors,
            effects=list(self.effects),
            parameters=self.parameters,
            files=list(files),
            result={**self.value, "claims": self.claims.to_json()},
            card=self.card,
            verdict=self.verdict,
            failures=self.failures,
        )

    def record(self, *, tracking_uri: str | None = None, files: Sequence[Path] = ()) -> Recorded:
        """Keep the result in the registry: its vectors, effects, settings and the given files.

        Raises
        ------
        RegistryError
            The store cannot be reached; the run is kept locally and can be sent later.
        """
        from steerstack.catalog.recorder import record_run

        return record_run(self.run_record(files), tracking_uri=tracking_uri)

    def __repr__(self) -> str:
        text = f"<{type(self).__name__} of {self.study.name} on {self.model.name}: {self.verdict}>"
        return text if len(text) < 200 else f"{text[:195]}...>"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(e.name)}</td><td>{signed(e.value)}</td>"
            f"<td>[{signed(e.ci_low)}, {signed(e.ci_high)}]</td>"
            f"<td>{e.n}</td></tr>"
            for e in self.effects
        )
        head = "<tr><th>effect</th><th>estimate</th><th>95 % interval</th><th>n</th></tr>"
        pictures = [f"<div style='max-width:52em'>{drawing(plot)}</div>" for plot in self.page().plots[:1]]
        return f"<p>{escape(self.verdict)}</p>{''.join(pictures)}<table>{head}{rows}</table>"
