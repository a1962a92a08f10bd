"""What the model says under the plans of a study: the first test items, never picked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.speak import speak
from steerstack.run.step import Step
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.data.items import Item
    from steerstack.study.session import Session

ITEMS = 3
TOKENS = 32
RULE = (
    f"The first {ITEMS} test items in the order of the data, never picked; the most likely tokens, {TOKENS} at most. "
    "They show how the model sounds and prove nothing: the numbers above do."
)


@dataclass(frozen=True)
class SampleTexts(Step):
    """Some prompts answered under some plans: a list by prompt of a list by plan."""

    what: str
    prompts: tuple[Prompt, ...]
    plans: tuple[Plan, ...]

    @property
    def phase(self) -> str:
        """Its name."""
        return self.what

    def key(self, model: Model) -> Any:
        """Model, prompts and plans."""
        asked = [[one.user, one.system] for one in self.prompts]
        return [model.fingerprint, asked, [plan.fingerprint for plan in self.plans], TOKENS]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Answer all of them together."""
        replies = speak(model, self.prompts, self.plans, Sampling(TOKENS), progress=progress)
        return [[{"text": one.text, "edited_positions": one.edited_positions} for one in row] for row in replies]

    @property
    def size(self) -> int:
        """Number of answers."""
        return len(self.prompts) * len(self.plans)


def samples(session: Session, plans: Mapping[str, Plan]) -> dict[str, Any]:
    """The first test items answered under plans, by name, as results hold them; kept in the ledger."""
    items = session.splits.test.items[:ITEMS]
    prompts = tuple(Prompt(_asked(item, session.study.score), item.system) for item in items)
    step = SampleTexts("samples", prompts, tuple(plans.values()))
    (rows,) = session.ledger.steps([step], session.model, what="sample answers", progress=session.progress)
    return {
        "rule": RULE,
        "items": [
            {
                "id": item.id,
                "prompt": prompt.user,
                "arms": [{"label": name, **said} for name, said in zip(plans, row, strict=True)],
            }
            for item, prompt, row in zip(items, prompts, rows, strict=True)
        ],
    }


def _asked(item: Item, mode: str) -> str:
    """The question as the study asks it."""
    return item.listed() if mode == "letter" or not item.question.strip() else item.question
