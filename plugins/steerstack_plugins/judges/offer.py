"""The judges that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Judge
from steerstack_plugins.judges.classifier import Classifier
from steerstack_plugins.judges.openai_judge import OpenAIJudge
from steerstack_plugins.judges.references import Exact, Fuzzy
from steerstack_plugins.judges.self_judge import SelfJudge


@hookimpl
def steerstack_judges() -> Sequence[type[Judge]]:
    """Each of them."""
    return [Classifier, OpenAIJudge, Exact, Fuzzy, SelfJudge]
