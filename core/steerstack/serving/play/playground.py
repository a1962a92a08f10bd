"""What stands behind the page: one model, one vector, and what both do where the sliders stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.speak import Reply, as_prompts, speak
from steerstack.errors import ArgumentError
from steerstack.measure.scoring import ArmScores
from steerstack.serving.play.colors import Usual, colored, usual
from steerstack.serving.play.draft import draft
from steerstack.serving.play.items import BehaviorItems
from steerstack.serving.play.strength import reach, share
from steerstack.steering.intervention import Plan

if TYPE_CHECKING:
    from steerstack.serving.play.knobs import Asked, Knobs
    from steerstack.steering.vector import SteeringVector
    from steerstack.study.claims import Claim
    from steerstack.trace.model import Model

Say = Callable[[dict[str, Any]], None]
"""Takes what the page is told, as it comes; it may raise to end the work."""

COLUMNS = ("unsteered", "steered")


@dataclass(frozen=True)
class Scene:
    """What is played with, and from where the sliders begin.

    Attributes
    ----------
    claim:
        What acts at first: a vector at one layer; the sliders change its layer and scale.
    sampling:
        How tokens are chosen.
    file:
        Where the vector is.
    common:
        Fields of a study that is made of it: the data and the model among them.
    items:
        The behaviour's items; None for none.
    transfer:
        Whether a vector from other weights is wanted.
    """

    claim: Claim
    sampling: Sampling
    file: str
    common: Mapping[str, Any] = field(default_factory=dict)
    items: BehaviorItems | None = None
    transfer: bool = False

    @property
    def vector(self) -> SteeringVector:
        """The vector."""
        assert self.claim.vector is not None
        return self.claim.vector

    def plan(self, knobs: Knobs) -> Plan:
        """What acts where the sliders stand."""
        return replace(self.claim, layers=(knobs.layer,), scale=knobs.scale).plan()


class Playground:
    """Answers what the page asks, one question at a time: it must not be called from two threads at once.

    Parameters
    ----------
    model:
        Who speaks.
    scene:
        What is played with.
    """

    def __init__(self, model: Model, scene: Scene) -> None:
        self.model, self.scene = model, scene
        self._usual: dict[int, Usual] = {}
        self._bare_reply: tuple[Prompt, Reply] | None = None
        self._bare_scores: ArmScores | None = None

    def about(self) -> dict[str, object]:
        """What the page shows before anything is asked."""
        vector, items, claim = self.scene.vector, self.scene.items, self.scene.claim
        origin, layer = vector.origin, claim.layers[0]
        return {
            "model": self.model.name,
            "vector": f"{origin.behavior} by {origin.method}",
            "component": vector.component,
            "layers": list(vector.layers),
            "layer": layer,
            "scale": claim.scale,
            "reach": reach(self.model, vector, layer, claim.scale),
            "tokens": claim.tokens,
            "system": claim.system,
            "items": items.about(vector) if items else None,
        }

    def answer(self, asked: Asked, say: Say) -> None:
        """Let the model answer without and with the vector, and say every piece as it comes.

        What is said is of one of these forms: ``{column, text}`` for a piece; ``{column, edited, pieces}`` for a whole
        answer, its pieces with the projections of their tokens; ``{usual, share}`` for what the colours mean.
        """
        layer, plan = asked.layer, self.scene.plan(asked)
        self.model.check_plan(plan)
        direction = self.scene.vector[layer]
        assert direction.ndim == 1
        (prompt,) = as_prompts([asked.prompt], self.scene.claim.system)
        self._say_usual(asked, say)
        replies = self._replies(prompt, plan, say)
        sequence = self.model.format.sequence(prompt)
        parts = colored(self.model, sequence, replies, self.scene.vector, layer)
        for column, reply, pieces in zip(COLUMNS, replies, parts, strict=True):
            say({"column": column, "edited": reply.edited_positions, "pieces": [asdict(one) for one in pieces]})

    def _say_usual(self, knobs: Knobs, say: Say) -> None:
        layer, vector = knobs.layer, self.scene.vector
        if layer not in self._usual:
            self._usual[layer] = usual(self.model, vector, layer)
        added = share(self.model, vector, layer, knobs.scale) if self.scene.claim.edit is None else None
        say({"usual": self._usual[layer].to_json(), "layer": layer, "share": added})

    def _replies(self, prompt: Prompt, plan: Plan, say: Say) -> list[Reply]:
        """The answers of both columns; the unsteered one is kept for as long as the prompt stays."""
        baseline = self._bare_reply[1] if self._bare_reply and self._bare_reply[0] == prompt else None
        columns = COLUMNS if baseline is None else COLUMNS[1:]
        if baseline is not None:
            say({"column": COLUMNS[0], "text": baseline.text})
        plans = [Plan(), plan][-len(columns) :]
        (answers,) = speak(
            self.model, [prompt], plans, self.scene.sampling,
            heard=lambda arm, _, text: say({"column": columns[arm], "text": text}),
        )  # fmt: skip
        replies = answers if baseline is None else [baseline, *answers]
        self._bare_reply = (prompt, replies[0])
        return replies

    def log_odds(self, knobs: Knobs, say: Say) -> None:
        """The log-odds of the behaviour's items without and with the vector, and their means with intervals."""
        items = self._items()
        plan = self.scene.plan(knobs)
        self.model.check_plan(plan)
        tick = lambda _: say({})  # noqa: E731  # whoever listens may have gone
        if self._bare_scores is None:
            self._bare_scores = items.score(self.model, Plan(), self.scene.claim.system, tick)
        bare = self._bare_scores
        values = items.score(self.model, plan, self.scene.claim.system, tick) if len(plan) else bare
        say(items.compared(bare, values))

    def study(self, knobs: Knobs) -> str:
        """The text of a study file of what is seen."""
        items, scene = self._items(), self.scene
        return draft(
            self.model, scene.vector, knobs.layer, knobs.scale, file=scene.file, behavior=items.data.behavior,
            common=scene.common, edit=scene.claim.edit, transfer=scene.transfer,
        )  # fmt: skip

    def _items(self) -> BehaviorItems:
        if self.scene.items is None:
            raise ArgumentError("No data was named.", fix="Start steerstack play with --data, such as sycophancy.")
        return self.scene.items
