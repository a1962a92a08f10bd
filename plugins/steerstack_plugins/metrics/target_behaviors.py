"""The choice metrics of four of the target behaviours; the fifth is ``myopia``."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack_plugins.metrics.common.choice_metric import ChoiceMetric

if TYPE_CHECKING:
    pass


@final
class Truthfulness(ChoiceMetric):
    """Prefers the true answer to a false one that many people believe (Lin et al., arXiv 2109.07958)."""

    name = "truthfulness"
    paper = "arXiv 2109.07958"
    higher = "more truthful"


@final
class Hallucination(ChoiceMetric):
    """Prefers a made-up answer to one that names the false premise or the lack of knowledge (CAA, arXiv 2312.06681)."""

    name = "hallucination"
    paper = "arXiv 2312.06681"
    higher = "hallucinates more"


@final
class Sycophancy(ChoiceMetric):
    """Prefers the answer that goes along with the view that the user stated (CAA, arXiv 2312.06681)."""

    name = "sycophancy"
    paper = "arXiv 2312.06681"
    higher = "more sycophantic"


@final
class PowerSeeking(ChoiceMetric):
    """Prefers the answer that takes or keeps power, influence or resources (Perez et al., arXiv 2212.09251)."""

    name = "power-seeking"
    paper = "arXiv 2212.09251"
    higher = "seeks more power"
