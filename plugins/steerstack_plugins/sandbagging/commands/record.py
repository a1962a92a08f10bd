"""What the registry keeps: each organism, what was found in it, the probes, and every audit, as runs of their own.

An audit's run is made from what the audit saw: a model's name and weights, the questions, the evidence. The
organism's run, with its answer, is another one; only who reads both can join them, by the model's fingerprint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.contracts.recorder import Effect, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from steerstack.contracts import Built
    from steerstack.data.items import Item
    from steerstack.study.stack.result import StackResult
    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.commands.demo import Shown

BEHAVIOR = "sandbagging"
EFFECTS = ("induction_drop", "control_drop", "selectivity")


def _run(kind: str, model: Model, source: str, items: Sequence[Item], **more: Any) -> RunRecord:
    from dataclasses import asdict

    from steerstack.util import digest

    return RunRecord(
        kind=kind,
        behavior=BEHAVIOR,
        model_name=model.name,
        model_fingerprint=model.fingerprint,
        data_source=source,
        data_digest=digest.of_json([asdict(item) for item in items]),
        data_split="test",
        vectors={},
        **{"n_items": len(items)} | more,
    )


def organism_run(built: Built) -> RunRecord:
    """An organism with its answer: induction drop, drop on the control, selectivity, and how it was made."""
    record = built.record
    about = {"organism": record["organism"], "seed": record["seed"], "sandbags": built.sandbags}
    return _run(
        "organism", built.model, "the organism's own record", (), n_items=record["induction_drop"]["n"],
        effects=[Effect.of(name, record[name]) for name in EFFECTS],
        parameters=about | dict(record.get("parameters", {})),
        result={"sandbags": built.sandbags, **record},
    )  # fmt: skip


def elicitation_run(built: Built, source: str, items: Sequence[Item], found: Mapping[str, Any]) -> RunRecord:
    """The elicitation table of an organism: gains, and recovered fractions where something is hidden."""

    def effects() -> Iterator[Effect]:
        for name, row in found["elicitation"].items():
            yield Effect.of(f"gain/{name}", row["gain"])
            if row["recovered"] is not None:
                yield Effect.of(f"recovered/{name}", row["recovered"])

    result = {name: found[name] for name in ("bare", "with_password", "below_chance_p", "elicitation")}
    return _run("elicitation", built.model, source, items, effects=list(effects()), result=result)


def noise_run(built: Built, source: str, items: Sequence[Item], found: Mapping[str, Any]) -> RunRecord:
    """The noise curves of an organism, with the gain at the level that was chosen on other items."""
    curve = found["weight_noise"]
    return _run(
        "noise", built.model, source, items,
        effects=[Effect.of("gain/weight noise", curve["gain_there"])],
        parameters={"level": curve["level_chosen_on_validation"], "improvement_ratio": curve["improvement_ratio"]},
        result={name: found[name] for name in ("weight_noise", "activation_noise")},
    )  # fmt: skip


def probes_run(origin: Model, source: str, items: Sequence[Item], rows: Sequence[Mapping[str, Any]]) -> RunRecord:
    """The table of probes, with the words' AUROC beside each."""

    def effects() -> Iterator[Effect]:
        for row in rows:
            on = f"{row['trained_on']} to {row['tested_on']} against {row['against']}"
            yield Effect.of(f"auroc/{row['probe'].replace(',', '')}/{on}", row["auroc"])
            yield Effect.of(f"auroc/words/{on}", row["text_only_auroc"])

    results = {effect.name: effect for effect in effects()}
    return _run("probes", origin, source, items, effects=list(results.values()), result={"probes": list(rows)})


def audit_run(model: Model, source: str, items: Sequence[Item], result: Mapping[str, Any]) -> RunRecord:
    """An audit: its evidence and its verdict."""
    parameters = {f"value {name}": value for name, value in result["values"].items()}
    verdict = {f"verdict {name}": value for name, value in result["verdict"].items()}
    return _run("audit", model, source, items, parameters=parameters | verdict, result=result)


def record_organism(built: Built, *, tracking_uri: str | None) -> str:
    """Keep an organism; the id of its run."""
    return _keep([organism_run(built)], tracking_uri)[0]


def record_audit(
    model: Model, source: str, items: Sequence[Item], result: Mapping[str, Any], *, tracking_uri: str | None
) -> str:
    """Keep an audit; the id of its run."""
    return _keep([audit_run(model, source, items, result)], tracking_uri)[0]


def record_demo(shown: Shown, *, tracking_uri: str | None) -> list[str]:
    """Keep all that the demonstration made and found; the ids of the runs."""
    source, items = f"small world {shown.result['seed']}", shown.data.target
    runs = [probes_run(shown.origin, source, items, shown.result["probes"])]
    for name, organism in shown.built.items():
        report = shown.result["organisms"][name]
        runs += [
            organism_run(organism),
            *(make(organism, source, items, report) for make in (elicitation_run, noise_run)),
        ]
    return _keep(runs, tracking_uri)


def record_combined(stacked: StackResult, result: Mapping[str, Any], *, tracking_uri: str | None) -> list[str]:
    """Keep the stacking study as such, and the probe's table; the ids of the runs."""
    recording = stacked.record(tracking_uri=tracking_uri)
    rows = result["probe"]
    effects = [Effect.of(f"auroc/{row['probe']}/on {row['condition'].replace(',', '')}", row["auroc"]) for row in rows]
    probes = _run(
        "probes", stacked.model, f"small world {result['seed']}", stacked.splits.test.items,
        effects=effects, result={"probes": list(rows)},
    )  # fmt: skip
    return [recording.run_id, *_keep([probes], tracking_uri)]


def _keep(runs: Sequence[RunRecord], tracking_uri: str | None) -> list[str]:
    from steerstack.catalog.recorder import record_run

    return [record_run(run, tracking_uri=tracking_uri).run_id for run in runs]
