"""The metrics that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Metric
from steerstack_plugins.metrics.are_you_sure import AreYouSure
from steerstack_plugins.metrics.degeneration import Degeneration
from steerstack_plugins.metrics.hallucination_generation import HallucinationGeneration
from steerstack_plugins.metrics.halueval_recognition import HaluEvalRecognition
from steerstack_plugins.metrics.mmlu import MMLU
from steerstack_plugins.metrics.myopia import Myopia
from steerstack_plugins.metrics.neutral_text import NeutralText
from steerstack_plugins.metrics.sycophancy_answer import SycophancyAnswer
from steerstack_plugins.metrics.sycophancy_feedback import SycophancyFeedback
from steerstack_plugins.metrics.target_behaviors import Hallucination, PowerSeeking, Sycophancy, Truthfulness
from steerstack_plugins.metrics.truthfulqa_generation import TruthfulQAGeneration
from steerstack_plugins.metrics.truthfulqa_mc import TruthfulQAMC


@hookimpl
def steerstack_metrics() -> Sequence[type[Metric]]:
    """Each of them."""
    return [
        AreYouSure,
        Degeneration,
        HallucinationGeneration,
        HaluEvalRecognition,
        MMLU,
        Myopia,
        NeutralText,
        SycophancyAnswer,
        SycophancyFeedback,
        Hallucination,
        PowerSeeking,
        Sycophancy,
        Truthfulness,
        TruthfulQAGeneration,
        TruthfulQAMC,
    ]
