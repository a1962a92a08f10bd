"""Demonstrations of the behaviour before the question: the best of several draws on validation."""

from typing import final

from pydantic import Field

from steerstack_plugins.baselines.common.draws import DrawnShots


@final
class FewShot(DrawnShots):
    """In-context learning: training items with their exhibiting answers as earlier turns; no training.

    Brown et al., arXiv 2005.14165, section 2. Which items are shown, and in what order, matters
    (Lu et al., arXiv 2104.08786), so several draws without replacement are tried, and the one with
    the greatest mean log-odds on the validation items is used. Where there are no validation items
    of their own, a shown item can be among those that it is chosen by.
    """

    name = "few-shot"
    paper = "arXiv 2005.14165"

    shots: int = Field(4, ge=1, description="Demonstrations; all training items where there are fewer.")
