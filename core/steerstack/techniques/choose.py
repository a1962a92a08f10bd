"""Choose a vector's layer and strength on validation items, in one call."""

from collections.abc import Sequence

from steerstack.data.items import DataSet
from steerstack.data.questions import check_mode
from steerstack.data.splits import as_data
from steerstack.measure.scoring import score_data
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques import search
from steerstack.techniques.selection import SHARES, Candidate, Candidates, Choice
from steerstack.techniques.strength_at_kl import kl_at
from steerstack.trace.model import Model
from steerstack.trace.model_argument import as_model


def choose(
    model: Model,
    validation: DataSet,
    vector: SteeringVector,
    *,
    layers: Sequence[int] | None = None,
    shares: Sequence[float] = SHARES,
    mode: str = "text",
    tokens: str = "response",
    transfer: bool = False,
) -> Choice:
    """Choose a vector's layer and strength by the rule that every study uses.

    The rule is the largest mean log-odds on the validation items among what costs at most
    :data:`~steerstack.techniques.selection.KL_BUDGET` nats of KL per token on neutral text. Report its effect on
    other items: those that chose it flatter it.

    Parameters
    ----------
    model, validation, vector:
        The model, items that were not trained on, and the vector.
    layers:
        Candidate layers; None for six over the middle of the model.
    shares:
        Candidate strengths, as shares of the residual stream's norm.
    mode, tokens:
        How items are scored, and which tokens are edited.
    transfer:
        Whether a vector from other weights is wanted.

    Returns
    -------
    Choice
        ``vector.at(choice.layer, choice.scale)`` applies it.

    Raises
    ------
    ModelError
        The vector does not fit the model, or is from other weights.
    SiteError
        A layer that the vector does not have.
    """
    model, validation = as_model(model), as_data(validation, "validation")
    scored, positions = check_mode(mode), Tokens.parse(tokens)
    model.check_vector(vector, transfer=transfer)
    if layers is not None:
        vector.keeping(layers)
    candidates = Candidates(None if layers is None else tuple(layers), tuple(shares), tokens=positions)

    def mean_log_odds(tried: Sequence[Candidate]) -> list[float]:
        plans = [candidate.plan(vector, positions) for candidate in tried]
        return [float(arm.effect_scale.mean()) for arm in score_data(model, validation, scored, plans)]

    return search.choose(
        candidates.of(model, vector), mean_log_odds, lambda one: kl_at(model, [one.plan(vector, positions)])[0]
    )
