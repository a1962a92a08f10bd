"""``steerstack evaluate --metric``: metrics by name, side effects beside them."""

from typing import Any

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.cli import console, progress_bars
from steerstack.contracts import Metric
from steerstack.errors import SteerstackError
from steerstack.measure.metric import MetricResult, measure
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model


def metrics_named(
    names: str | None, settings: dict[str, Any], data: str | None, limit: int | None, *, side_effects: bool
) -> list[Metric]:
    """The metrics asked for with their parameters, and the side effects that belong beside targets.

    ``settings`` and ``data`` go to the metrics asked for by name; ``limit`` to every metric that has one.

    Raises
    ------
    PluginError, ParameterError
        A name or a parameter does not exist.
    """
    if names is None:
        return []
    if data and (names == "all" or "," in names):
        raise SteerstackError(
            "One data file cannot serve several metrics.", fix="Name one metric, or leave out --data."
        )
    offered = plugins().offers("metric")
    selection = [name for name, cls in offered.items() if cls.role == "target"] if names == "all" else names.split(",")
    parameters = {**settings, **({"data": data} if data else {})}
    metrics = {name: _make(find("metric", name), parameters, limit) for name in selection}
    if side_effects and any(metric.role == "target" for metric in metrics.values()):
        for name, cls in offered.items():
            # the other targets too: a vector for one of them may move the rest (entanglement)
            if cls.role != "other" and name not in metrics:
                metrics[name] = _make(cls, {}, limit)
    return list(metrics.values())


def _make(cls: type[Metric], given: dict[str, Any], limit: int | None) -> Metric:
    own = {"limit": limit} if limit is not None and "limit" in cls.model_fields else {}
    return cls.make({**own, **given})


def run_metrics(metrics: list[Metric], model: Model, plan: Plan) -> tuple[dict[str, Any], list[MetricResult]]:
    """Measure every metric with and without the plan: as JSON, and item by item."""
    results = []
    with progress_bars.bars() as bars:
        for metric in metrics:
            bars.phase(f"measuring {metric.name}")
            results.append(measure(metric, model, plan, progress=bars.of(metric.name, None)))
    value = {
        "metrics": [result.to_json() for result in results],
        "plan": plan.describe(),
        "model": model.name,
        "model_fingerprint": model.fingerprint,
        "paths": model.paths_taken,
        "engine": model.engine,
    }
    return value, results


def show_metrics(results: list[MetricResult], value: dict[str, Any], json: str | None, *, steered: bool) -> None:
    """Write the results, and show them as a table unless they were printed."""
    from rich.table import Table

    console.write_result(value, json)
    if json == "-":
        return
    table = Table("metric", "value", "n", "mean and 95 % interval", *(["effect of the plan"] if steered else []))
    for result in results:
        effect = [str(result.effect())] if steered else []
        estimate = result.estimate()
        table.add_row(result.metric.name, result.metric.headline, str(estimate.n), str(estimate), *effect)
    console.out.print(table)
    for result in results:
        confounds = ", ".join(f"{name} {value:.2f}" for name, value in result.steered.confounds.items())
        if confounds:
            console.out.print(f"{result.metric.name}: {confounds}", highlight=False)
