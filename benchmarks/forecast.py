"""A forecast's time against the run that it forecasts: the first row's seconds were measured, the second's foretold."""

import tempfile
from pathlib import Path

from stage import Stage
from steerstack.study.efficiency.efficiency import Efficiency, run_efficiency
from timing import Runs, Table, timed

from steerstack.data.splits import split
from steerstack.study.forecast import forecast_fits
from steerstack.techniques.technique import technique


def forecast(stage: Stage) -> Table:
    """What ``--plan-only`` says of a small study of data efficiency, beside the study itself."""
    data, model = stage.items, stage.model
    study = Efficiency(data.behavior, sizes=(4, 16), seeds=3)
    techniques = [technique(name, layers=stage.layers[1:3]) for name in ("mean-difference", "logistic")]
    table = Table("forecast", f"{len(data)} items, {len(techniques)} techniques, sizes {study.sizes}, 3 seeds")

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            run_efficiency(study, model, data, techniques, folder=Path(folder))

    def foretell() -> float:
        splits = split(data, seed=study.seed)
        return forecast_fits(model, splits, techniques, study.sizes, study.seeds, study.score).seconds

    foretold: Runs = []
    making: Runs = []
    for _ in range(stage.repeats):
        taken, seconds = timed(foretell, 1)
        foretold.append((seconds, seconds))
        making += taken
    table.add("the study", timed(run, stage.repeats)[0])
    table.add("what is foretold", foretold, note="its CPU column repeats the seconds")
    table.add("making the forecast", making)
    return table
