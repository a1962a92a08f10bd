"""As many demonstrations of the behaviour before the question as there are labelled items: no training."""

from typing import final

from pydantic import Field

from steerstack_plugins.baselines.common.draws import DrawnShots


@final
class ManyShot(DrawnShots):
    """In-context learning from all the training items at once, as ``few-shot`` does from a few.

    Agarwal et al., arXiv 2404.11018, section 2. The order of the items, and which they are where there are more than
    ``shots``, is the best of several draws on validation. The model's context has to hold them: that is refused
    before the first one is run, not cut.
    """

    name = "many-shot"
    paper = "arXiv 2404.11018"

    shots: int = Field(64, ge=1, description="Demonstrations; all training items where there are fewer.")
