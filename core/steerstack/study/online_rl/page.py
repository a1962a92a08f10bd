"""The page of a study of online reinforcement learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import NEIGHBORS, NULLS, OPPOSITE, VECTOR, Panel, Plot, line
from steerstack.techniques.null_techniques import NEIGHBOR, NULL

if TYPE_CHECKING:
    from steerstack.study.online_rl.answer import OnlineRLAnswer
    from steerstack.study.online_rl.result import OnlineRLResult


def gains_plots(answer: OnlineRLAnswer) -> list[Plot]:
    """The gain in mean reward of each technique, a figure a test set."""
    return [_gains(answer, on) for on in answer.tests]


def gains_tables(answer: OnlineRLAnswer) -> list[Table]:
    """Gains, comparisons, and the vector on top of each learner."""
    scale = scale_name(answer.study.score)
    gains = [
        [name, on, interval(answer.gain(name, on)), interval(answer.gain(name, on, "behaviour"))]
        for on in answer.tests
        for name in answer.names
    ]
    columns = ["arm", "items", f"gain in mean reward ({answer.study.reward.name})", f"effect ({scale})"]
    return [Table("What is gained", columns, gains), _compared(answer), *_stacked(answer)]


def online_rl_page(result: OnlineRLResult) -> Page:
    """Rewards, behaviours and costs of all techniques, and what is compared."""
    value: Mapping[str, Any] = result.value
    study, first = value["declared"], next(iter(value["n_test"]))
    tables = [_earned(value, on) for on in value["n_test"]]
    answers = f"{study['samples']} answers to each of {value['n_test'][first]} locked test items"
    taught = f"{study['updates']} steps of {study['prompts']} questions with {study['generations']} answers each"
    return Page(
        title=f"{value['behavior']}: one reward, {len(value['learners'])} parameterisations",
        lead=f"{value['model']}; the reward is {value['reward']['name']}, of {answers}. Each learner takes {taught}, "
        f"under {study['seeds']} seeds, from {value['n_labelled']} labelled items, as all others.",
        verdict=result.verdict,
        warnings=[warning for warning in [result.warning, *result.failed] if warning],
        plots=result.answer.plots,
        tables=[*tables, _compared(result.answer), *_stacked(result.answer), _costs(value)],
        methods=f"Items were split by question into training, validation and a locked test set (seed {study['seed']}). "
        f"Each seed draws {value['n_labelled']} labelled items, every fourth of them for choices. Learners are "
        "trained by GRPO on answers that they sample themselves; of their rates and looks the best on validation items "
        "is kept, the untrained model among them. Rewards are means over sampled answers at the temperature of "
        f"training. Items were scored by {study['score']}. {intervals_line(result.clusters)} Here they are over seeds "
        "and items together (Satterthwaite's degrees of freedom), those of ratios Fieller's; p values are corrected "
        "for all comparisons together (Holm). Best of n takes the best-rewarded of the bare model's answers, for which "
        "the reward must be at hand when the question is asked.",
        references=result.references,
        provenance=provenance(result.model, result.splits.digests),
        declaration=result.study.to_yaml(),
    )


def _arms(value: Mapping[str, Any], on: str) -> list[Mapping[str, Any]]:
    return [arm for arm in value["arms"] if arm["on"] == on]


def _earned(value: Mapping[str, Any], on: str) -> Table:
    bare = value["bare"][on]
    rows = [
        ["the bare model", interval(bare["reward"]), "", "", ""],
        [f"best of {bare['best_of_n']['samples']} of its answers", interval(bare["best_of_n"]), "", "", ""],
        *(
            [
                arm["technique"], interval(arm["reward"]), interval(arm["reward_gain"]),
                interval(arm["behaviour_gain"]), interval(arm["kl"]),
            ]
            for arm in _arms(value, on)
        ),
    ]  # fmt: skip
    return Table(
        f"What is earned on {on} items", ["arm", "reward", "gain", f"effect ({value['scale']})", "KL per token"], rows,
        "KL in nats from the bare model, on neutral text; its interval is over texts. Gains and effects are paired, "
        "against the bare model.",
    )  # fmt: skip


def _compared(answer: OnlineRLAnswer) -> Table:
    rows = [
        [
            one.first, one.second or "the bare model", one.on, interval(one.gap), f"{one.p:.2g}",
            f"{one.p_corrected:.2g}", one.outcome,
        ]
        for one in answer.comparisons
    ]  # fmt: skip
    return Table(
        "Compared by reward", ["first", "second", "items", "first minus second", "p", "corrected", "outcome"], rows,
        f"As good: an interval that allows for the number of comparisons lies within {answer.study.margin:g}.",
    )  # fmt: skip


def _stacked(answer: OnlineRLAnswer) -> list[Table]:
    rows = [
        [one.learner, one.origin, interval(one.effect), interval(one.retained), interval(one.reward)]
        for one in answer.stacked
    ]
    scale = scale_name(answer.study.score)
    columns = ["learner", "vector", f"effect on top ({scale})", "share kept", "reward on top"]
    return [Table(f"{answer.rider} on top of each learner", columns, rows)] if rows else []


def _costs(value: Mapping[str, Any]) -> Table:
    first = next(iter(value["n_test"]))
    rows = [
        [
            arm["technique"], f"{arm['labels']}", f"{arm['rollouts']}", f"{arm['rollout_tokens']}",
            f"{arm['parameters']:.0f}", f"{arm['flops']:.2g}", f"{arm['unchanged']} of {value['declared']['seeds']}",
        ]
        for arm in _arms(value, first)
    ]  # fmt: skip
    columns = ["arm", "labels", "sampled answers", "their tokens", "trained parameters", "FLOPs", "kept nothing"]
    note = (
        "A seed, all rates together. Tokens are those of the questions and of the answers. Kept nothing: seeds after "
        "which the untrained model was the best on validation items."
    )
    return Table("What it took", columns, rows, note)


def _gains(answer: OnlineRLAnswer, on: str) -> Plot:
    def color(name: str) -> str:
        if name.startswith(NULL):
            return NULLS
        return NEIGHBORS if name.startswith(NEIGHBOR) else VECTOR if name in answer.learners else OPPOSITE

    names = answer.names
    groups = {"learns from the reward": VECTOR, "does not": OPPOSITE, "null": NULLS, "neighbor": NEIGHBORS}
    lines = []
    for label, tint in groups.items():
        places = [place for place, name in enumerate(names) if color(name) == tint]
        if places:
            lines.append(line(label, places, [answer.gain(names[place], on) for place in places], color=tint))
    more = f"Over {answer.study.seeds} seeds and the items, against the bare model."
    below = foot(len(answer.tested[on]), f"{on} items", f"reward ({answer.study.reward.name})", more)
    panel = Panel("", lines, names)
    return Plot(
        f"gains-{on}", f"Gain in mean reward on {on} items", "", "gain in mean reward", panels=[panel], foot=below
    )
