"""One plan on one data set: the result that every claim rests on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

from steerstack.data.items import DataSet
from steerstack.data.questions import check_mode
from steerstack.data.splits import as_data
from steerstack.data.words import word_guesses
from steerstack.engine.score import Progress
from steerstack.measure.competence import Competence, check_competence, judge
from steerstack.measure.form_choice import settle_form
from steerstack.measure.label_mass import LabelMass, label_mass
from steerstack.measure.scoring import ArmScores, ItemScore, scale_name, score_data
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.stats.item_clusters import Clusters, clusters
from steerstack.steering.intervention import Plan
from steerstack.steering.plan_argument import Applied, as_plan
from steerstack.trace.model import Model
from steerstack.trace.model_argument import as_model
from steerstack.util import show

METRIC = "log-odds"


@dataclass(frozen=True)
class Evaluation:
    """A data set scored under a plan, beside the unsteered model on the same items.

    Attributes
    ----------
    scores, baseline:
        Every item with and without the plan; the same for an empty plan.
    competence:
        Whether the model answers by content.
    """

    data: DataSet
    model: Model
    plan: Plan
    scores: ArmScores
    baseline: ArmScores
    competence: Competence

    def __repr__(self) -> str:
        outcome = f"effect {self.effect}" if len(self.plan) else f"log-odds {self.scores.estimate()}"
        about = f"{show.clip(self.data.behavior, 40)} by {self.scores.mode} on {show.clip(self.model.name, 40)}"
        return show.line(f"<Evaluation: {about}, n = {len(self.scores.items)}: {outcome}>")

    def _repr_html_(self) -> str:
        warning = self.competence.warning(self.scores.mode)
        rows = [("log-odds", self.scores.estimate()), ("unsteered log-odds", self.baseline.estimate())]
        rows += [(f"effect ({scale_name(self.scores.mode)})", self.effect)] if len(self.plan) else []
        head = f"<p>{escape(self.data.behavior)}, n = {len(self.scores.items)}. {escape(warning or '')}</p>"
        return head + show.table(("", "mean and 95 % interval"), rows)

    @cached_property
    def clusters(self) -> Clusters | None:
        """The clusters that the items come in; None where they are as good as independent."""
        return clusters(self.data)

    @property
    def groups(self) -> Sequence[int] | None:
        """The cluster of each item, likewise."""
        return self.clusters.labels if self.clusters else None

    @property
    def effect(self) -> Estimate:
        """Paired difference from the unsteered model, on the scale on which arms are compared."""
        return estimates.difference(self.scores.effect_scale, self.baseline.effect_scale, groups=self.groups)

    @property
    def label_mass(self) -> LabelMass | None:
        """What the two labels hold of the next-token probability under the plan; None for text."""
        return label_mass(self.scores, self.model.format.manner.form)

    @property
    def warning(self) -> str | None:
        """What to tell the reader of a result by label: how the model reacts to swaps, and too little label mass."""
        mode, mass = self.scores.mode, self.label_mass
        sentences = [self.competence.warning(mode), mass.warning() if mass and len(self.plan) else None]
        return " ".join(dict.fromkeys(one for one in sentences if one)) or None

    @property
    def _label_mass(self) -> dict[str, object]:
        bare = label_mass(self.baseline, self.model.format.manner.form)
        if self.label_mass is None or bare is None:
            return {}
        return {"label_mass": {**self.label_mass.to_json(), "unsteered": bare.mean}}

    @property
    def _misread(self) -> dict[str, object] | None:
        """The effect on the items of which a word classifier picks the other answer; None where none were guessed."""
        guesses = word_guesses(self.data)
        if guesses is None:
            return None
        at = guesses.misread(self.data)
        sides = self.scores.effect_scale, self.baseline.effect_scale
        effect = estimates.difference(*sides, groups=self.groups, at=at).to_json() if at else None
        return {"n": len(at), "of": len(self.data), "effect": effect}

    def to_json(self) -> dict[str, object]:
        """The file form of ``evaluate --json``."""
        scores, groups = self.scores, self.groups
        partition = self.clusters
        return {
            "score": scores.mode,
            "metric": METRIC,
            "behavior": self.data.behavior,
            "polarity": self.data.polarity,
            "n": len(scores.items),
            "clusters": partition and {"count": partition.count, "by": partition.by},
            "estimate": scores.estimate(groups).to_json(),
            "probability": estimates.probability(scores.probability, groups=groups).to_json(),
            "log_odds_per_token": estimates.mean(scores.per_token, groups=groups).to_json(),
            "effect": {
                "of": "plan against unsteered, same items",
                "scale": scale_name(scores.mode),
                "estimate": self.effect.to_json(),
            },
            "misread": self._misread,
            "unsteered": self.baseline.estimate(groups).to_json(),
            "competence": self.competence.to_json(),
            **self._label_mass,
            "warning": self.warning,
            "data": self.data.source,
            "data_digest": self.data.digest,
            "notes": list(self.data.notes),
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "template": self.model.format.describe(),
            "paths": self.model.paths_taken,
            "engine": self.model.engine,
            "plan": self.plan.describe(),
            "edited_positions": scores.edited_positions,
            "items": [_item_json(item) for item in scores.items],
        }

    def frame(self) -> list[dict[str, object]]:
        """One row an item: log-odds on the scale on which arms are compared, probability, effect."""
        arm, bare = self.scores, self.baseline.effect_scale.tolist()
        rows = zip(self.data, arm.effect_scale.tolist(), arm.probability.tolist(), bare, strict=True)
        return [
            {"item": item.id, "log_odds": odds, "probability": p, "effect": odds - without}
            for item, odds, p, without in rows
        ]


def _item_json(score: ItemScore) -> dict[str, object]:
    return {
        "id": score.item.id,
        "exhibits_text": score.item.exhibits_text,
        "logp_exhibits": score.mean("logp_exhibits"),
        "logp_not": score.mean("logp_not"),
        "log_odds": score.mean("log_odds"),
        "log_odds_per_token": score.mean("per_token"),
        "p_exhibits": score.p_exhibits,
        "orders": [
            {
                "order": order.order,
                "logp_exhibits": order.logp_exhibits,
                "logp_not": order.logp_not,
                "log_odds": order.log_odds,
                "tokens": list(order.tokens),
            }
            for order in score.asked
        ],
    }


def evaluate(
    model: Model,
    data: DataSet,
    mode: str,
    plan: Applied = None,
    *,
    system: str | None = None,
    progress: Progress | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Score a data set under a plan and without it, and check the model's competence.

    By label, the answer form is the model's own setting (``open_model(form=...)``), or else chosen on items
    of its validation and training parts: see :func:`~steerstack.measure.form_choice.settle_form`.

    Parameters
    ----------
    model, data:
        What is scored.
    mode:
        ``text``, ``letter`` or ``yes-no``.
    plan:
        A plan or a single edit; None for the unsteered model alone.
    system:
        A system prompt for all items.
    progress:
        Told how many evaluations are done.
    on_step:
        Told what is being done.

    Raises
    ------
    ArgumentError
        No opened model, no data set, or no plan.
    DataError
        There is no such mode, or the items cannot be asked in it.
    NothingEditedError
        The plan touched no position.
    """
    model, data, mode, plan = as_model(model), as_data(data, "test"), check_mode(mode), as_plan(plan)
    arms = [Plan(), plan] if len(plan) else [Plan()]
    if mode != "text" and model.format.manner.form is None:
        on_step("choice of the answer form")
        model = settle_form(model, data, mode)
    on_step("scoring")
    results = score_data(model, data, mode, arms, system=system, progress=progress)
    on_step("competence check")
    swaps = mode == "letter" or (mode == "yes-no" and data.items[0].form != "yes-no")
    form = model.format.manner.form
    competence = judge(results[0], form) if swaps else check_competence(model, data, mode, system=system)
    return Evaluation(data, model, plan, results[-1], results[0], competence)
