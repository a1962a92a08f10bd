"""Where tokens lie along a direction: one number a token, from a plain pass."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from steerstack.engine.hidden import hidden_states
from steerstack.steering.intervention import check_direction
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely


@remotely()
def projections(
    model: Model, sequences: Sequence[TokenSequence], site: Site, direction: Float[Tensor, " width"]
) -> list[list[float]]:
    """The projection of every token's activation on a direction, as the unsteered model reads the text.

    It is the dot product with the direction at unit length, in float32, and so in the activations' own units. No edit
    acts: texts that were written under different plans are read alike, and their numbers compare.

    Parameters
    ----------
    model, sequences:
        The model, and what it reads.
    site:
        Where.
    direction:
        Of any length but zero.

    Returns
    -------
    One list a sequence, with one number a token.

    Raises
    ------
    DegenerateDirectionError
        The direction is zero, or not finite.
    DataError
        A sequence is too long for the model.
    """
    model.check_site(site)
    check_direction(direction)
    hidden = hidden_states(model, sequences, [site])[site].float().cpu()
    along = hidden @ (direction.float() / direction.float().norm()).cpu()
    return [along[row, : len(sequence)].tolist() for row, sequence in enumerate(sequences)]
