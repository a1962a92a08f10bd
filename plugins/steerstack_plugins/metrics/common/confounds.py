"""What else than the behaviour could explain a choice: letters, Yes and No, length, place."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.measure.scoring import ArmScores


def confounds(data: DataSet, scores: ArmScores) -> dict[str, float]:
    """Confounds of the items, and of one arm's answers to them.

    Returns
    -------
    dict[str, float]
        Of the items, however they are scored:

        - ``exhibits_first``: share whose exhibiting answer is listed before the other;
        - ``yes_lead``, ``no_lead``: share of exhibiting answers that begin with that word, minus that of others;
        - ``length_difference``: mean characters of the exhibiting answer minus those of the other.

        Of answers scored by text: ``length_correlation``, of the log-odds per token with the difference in tokens; NaN
        where either does not vary.

        Of answers scored by letter or yes-no: ``option_mass``, mean probability that the two labels have together.
        Where questions are asked in two orders,

        - ``swap_consistency``: share of items where the same answer is preferred in both;
        - ``first_bias`` (letter), ``yes_bias`` (yes-no): share of questions where the label listed first, or Yes, is
          preferred. Either label is right in one of the two orders, so that .5 is without bias.

        Where all are asked in one order, as items that themselves ask for Yes or No are, ``yes_bias`` alone, beside
        ``yes_items``, the share of items whose exhibiting answer is Yes.
    """
    return {**_of_items(data), **_of_answers(scores)}


def _begins(text: str, word: str) -> bool:
    return re.match(rf"\W*{word}\b", text, re.IGNORECASE) is not None


def _of_items(data: DataSet) -> dict[str, float]:
    n = len(data)

    def lead(word: str) -> float:
        return sum(_begins(i.exhibits_text, word) - _begins(i.contrast_text, word) for i in data) / n

    return {
        "exhibits_first": sum(item.exhibits < item.contrast for item in data) / n,
        "yes_lead": lead("yes"),
        "no_lead": lead("no"),
        "length_difference": sum(len(item.exhibits_text) - len(item.contrast_text) for item in data) / n,
    }


def _of_answers(scores: ArmScores) -> dict[str, float]:
    import numpy as np

    from steerstack.measure.competence import judge

    if scores.mode == "text":
        lengths = [item.asked[0].tokens[0] - item.asked[0].tokens[1] for item in scores.items]
        varies = np.ptp(lengths) > 0 and np.ptp(scores.per_token) > 0
        return {"length_correlation": float(np.corrcoef(lengths, scores.per_token)[0, 1]) if varies else math.nan}
    mass = [math.exp(a.logp_exhibits) + math.exp(a.logp_not) for item in scores.items for a in item.asked]
    shares = {"option_mass": float(np.mean(mass))}
    if all(len(item.asked) == 1 for item in scores.items):  # persona items have one order
        yes = [(item.asked[0].log_odds > 0) == (item.item.exhibits_text == "Yes") for item in scores.items]
        share = [item.item.exhibits_text == "Yes" for item in scores.items]
        return shares | {"yes_bias": float(np.mean(yes)), "yes_items": float(np.mean(share))}
    verdict = judge(scores)
    assert verdict.letter_bias is not None
    assert verdict.swap_consistency is not None
    bias = "first_bias" if scores.mode == "letter" else "yes_bias"
    return shares | {bias: verdict.letter_bias, "swap_consistency": verdict.swap_consistency.value}
