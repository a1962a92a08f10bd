"""What every study has to do: a file form, a run that goes on after a stop, effects with intervals, a page."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import yaml

from steerstack.data.items import DataSet
from steerstack.run.progress import Progress, ProgressEvent
from steerstack.study.result import Result
from steerstack.study.study import Study
from steerstack.testing.kit.contract import Contract, check, require
from steerstack.testing.planted import planted_data, planted_model
from steerstack.trace.model import Model

ITEMS = 24
"""Items of the planted data set on which the study is run."""


class _StopError(Exception):
    """Stands for a kill in the middle of a study."""


class StudyContract(Contract):
    """Checks of a study: ``class TestMine(StudyContract): study = Mine(data="planted", ...)``.

    It is run on a tiny model and yes-or-no items with a planted direction.

    Attributes
    ----------
    study:
        The study, with field values that a model of four layers and :data:`ITEMS` items can serve.
    """

    study: ClassVar[Study]

    @property
    def model(self) -> Model:
        """The model that it is run on."""
        return planted_model()

    @property
    def data(self) -> DataSet:
        """The items that it is run on."""
        return planted_data(ITEMS)

    def run(self, folder: Path, progress: Progress | None = None) -> Result:
        """Run the study in a folder."""
        return self.study.run(self.model, data=self.data, folder=folder, progress=progress)

    def finished(self, folder: Path) -> Result:
        """A whole run, made by the first check that looks at one and shared with the others of the class."""
        return self.once(lambda: self.run(folder / "finished"))

    @check
    def test_says_what_it_is(self) -> None:
        """It has a name and a docstring, and every field says what it is."""
        cls = type(self.study)
        require(bool(getattr(cls, "name", "")), f"{cls.__name__} has no name.", fix='Set name = "...".')
        require(bool((cls.__doc__ or "").strip()), f"{cls.__name__} has no docstring.", fix="Say what it asks.")
        silent = [name for name, field in cls.model_fields.items() if not field.description]
        require(not silent, "Fields say nothing of themselves.", seen=", ".join(silent), fix="Give descriptions.")

    @check
    def test_its_file_says_it_all(self) -> None:
        """Written to YAML and read back it is the same study."""
        value = yaml.safe_load(self.study.to_yaml())
        require(
            value.pop("study").split("/")[-1] == self.study.name, "The file does not say which kind of study it is."
        )
        again = type(self.study).make(value)
        require(again.to_json() == self.study.to_json(), "The study read back is another one.", seen=again.to_json())

    @check
    def test_effects_have_intervals(self, tmp_path: Path) -> None:
        """It reports effects, each with an interval around it and the number of items; and it says a verdict."""
        result = self.finished(tmp_path)
        require(bool(result.effects), "It reports no effect.")
        for effect in result.effects:
            inside = effect.ci_low <= effect.value <= effect.ci_high or np.isnan(effect.value)
            require(inside and effect.n > 0, "An effect has no interval around it, or no n.", seen=effect)
        require(bool(result.verdict.strip()), "It says no verdict.")

    @check
    def test_frame_and_json(self, tmp_path: Path) -> None:
        """Its frame has a row an item and arm, and its JSON holds no NaN."""
        result = self.finished(tmp_path)
        frame = result.frame()
        require(len(frame) > 0 and "item" in frame, "The frame has no rows with an item.", seen=list(frame))
        value = json.loads(json.dumps(result.to_json(), allow_nan=False))
        require(value["verdict"] == result.verdict, "The JSON holds another verdict.")

    @check
    def test_page(self, tmp_path: Path) -> None:
        """Its page holds the verdict."""
        result = self.finished(tmp_path)
        files = result.save(tmp_path / "saved")
        require(result.verdict[:40] in files.report.read_text(encoding="utf-8"), "The page does not say the verdict.")

    @check
    def test_nothing_is_done_twice(self, tmp_path: Path) -> None:
        """Run again in the same folder it reads its ledger, and the frame is the same."""
        first = self.run(tmp_path).frame()
        ledger = tmp_path / "ledger.jsonl"
        before = ledger.read_bytes() if ledger.exists() else b""
        require(bool(before), "Nothing was kept in the ledger.", fix="Measure through the session.")
        require(first.equals(self.run(tmp_path).frame()), "The second run gave another frame.")
        require(ledger.read_bytes() == before, "The second run did steps again.")

    @check
    def test_a_stopped_run_goes_on(self, tmp_path: Path) -> None:
        """Stopped once something is kept, it goes on from there and gives the frame of a run that was left alone."""
        ledger = tmp_path / "stopped" / "ledger.jsonl"

        def stop(_: ProgressEvent) -> None:
            if ledger.exists() and ledger.stat().st_size:
                raise _StopError

        with contextlib.suppress(_StopError):
            self.run(tmp_path / "stopped", Progress(stop))
        content = ledger.read_bytes()
        resumed = self.run(tmp_path / "stopped").frame()
        require(resumed.equals(self.finished(tmp_path).frame()), "The resumed run gave another frame.")
        require(
            ledger.read_bytes().startswith(content),
            "The resumed run did not go on with the steps that the ledger held.",
        )
        keys = [json.loads(line)["key"] for line in ledger.read_text(encoding="utf-8").splitlines()]
        require(len(keys) == len(set(keys)), "A step was done twice.")
