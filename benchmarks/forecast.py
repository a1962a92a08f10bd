"""A forecast's time against the run that it forecasts: the first row's seconds were measured, the second's foretold."""

import tempfile
from pathlib import Path

from stage import Stage
from timing import Runs, Table, timed

from steerstack.data.splits import split
from steerstack.study.efficiency.study import Efficiency
from steerstack.study.forecast import forecast_fits
from steerstack.study.method_ref import MethodRef


def forecast(stage: Stage) -> Table:
    """What ``--plan-only`` says of a small study of data efficiency, beside the study itself."""
    data, model = stage.items, stage.model
    named = tuple(MethodRef(name=name) for name in ("mean-difference", "logistic"))
    study = Efficiency(
        data=data.behavior, techniques=named, layers=stage.layers[1:3], sizes=(4, 16), seeds=3, nulls=False
    )
    techniques = study.treated(data.behavior)
    table = Table("forecast", f"{len(data)} items, {len(techniques)} techniques, sizes {study.sizes}, 3 seeds")

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            study.run(model, data=data, folder=Path(folder))

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
