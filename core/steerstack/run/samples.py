"""What the model says under the plans of a study: the first of the tested items, never picked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.speak import speak
from steerstack.errors import RemoteError, SteerstackError
from steerstack.report.samples import SampleReply, Samples
from steerstack.run.progress import SILENT, Progress
from steerstack.run.step import Step
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.data.items import DataSet, Item
    from steerstack.data.questions import ScoreMode
    from steerstack.run.ledger import Ledger

ITEMS = 3
TOKENS = 32
RULE = (
    f"The first {ITEMS} of the tested items in the order of the data, never picked; the most likely tokens, "
    f"{TOKENS} at most. They show how the model sounds and prove nothing: the numbers above do."
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
        texts = [[one.user, one.system] for one in self.prompts]
        return [model.fingerprint, texts, [plan.fingerprint for plan in self.plans], TOKENS]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Answer all of them together."""
        replies = speak(model, self.prompts, self.plans, Sampling(TOKENS), progress=progress)
        return [[{"text": one.text, "edited_positions": one.edited_positions} for one in row] for row in replies]

    @property
    def size(self) -> int:
        """Number of answers."""
        return len(self.prompts) * len(self.plans)


def samples(
    ledger: Ledger, model: Model, data: DataSet, mode: ScoreMode, plans: Mapping[str, Plan], progress: Progress = SILENT
) -> Samples | None:
    """The first items of a data set answered under plans, by name, as results hold them; kept in the ledger.

    None where the model cannot answer, such as one that has no output for text: that is said, and a study goes on.
    """
    items = data.items[:ITEMS]
    prompts = tuple(Prompt(_asked(item, mode), item.system) for item in items)
    step = SampleTexts("samples", prompts, tuple(plans.values()))
    try:
        (rows,) = ledger.steps([step], model, what="sample answers", progress=progress)
    except RemoteError:
        raise  # the server is gone, and a study goes on there when it is back
    except SteerstackError as error:
        progress.note(f"There are no sample answers: {error.happened}")
        return None
    return {
        "rule": RULE,
        "items": [
            {
                "id": item.id,
                "prompt": prompt.user,
                "arms": [
                    SampleReply(label=name, text=reply["text"], edited_positions=reply["edited_positions"])
                    for name, reply in zip(plans, row, strict=True)
                ],
            }
            for item, prompt, row in zip(items, prompts, rows, strict=True)
        ],
    }


def _asked(item: Item, mode: str) -> str:
    """The question as the study asks it."""
    return item.listed() if mode == "letter" or not item.question.strip() else item.question
