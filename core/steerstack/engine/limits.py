"""What a model cannot take: texts longer than its positions, and tokens that its embedding lacks."""

from collections.abc import Callable, Iterable

from steerstack.engine.layout.reach import context
from steerstack.errors import DataError
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model


def check_fits(
    model: Model,
    sequences: Iterable[TokenSequence],
    name: Callable[[int], str] = lambda index: f"Text {index + 1}",
    *,
    new: int = 0,
    answered: bool = False,
) -> None:
    """Refuse sequences that a model cannot run.

    Parameters
    ----------
    model:
        The model.
    sequences:
        What is to be run.
    name:
        From the place of a sequence, what the reader knows it by, at the beginning of a sentence.
    new:
        How many tokens are to be generated after each.
    answered:
        Whether their last tokens are scored only, and not run.

    Raises
    ------
    DataError
        One is longer than the model's positions, or has a token that its embedding lacks.
    """
    limit, rows = context(model), model.n_ids
    for index, sequence in enumerate(sequences):
        length = len(sequence) - answered + max(0, new - 1)  # the last token that is generated is never run
        if limit is not None and length > limit:
            generated = f" with {new} to be generated" if new else ""
            least = "" if new < 2 or len(sequence) > limit else f" at most {limit - len(sequence) + 1} tokens, or from"
            raise DataError(
                f"{name(index)} is too long for {model.name}: {len(sequence)} tokens{generated}, {limit} positions.",
                seen=f"{length} tokens, a limit of {limit}",
                fix=f"Generate{least} shorter prompts, or use a model with a longer context."
                if new
                else "Shorten or leave out the item (or its system prompt and demonstrations), or use a model with a "
                "longer context.",
            )
        if sequence.ids and not 0 <= min(sequence.ids) <= max(sequence.ids) < rows:
            raise DataError(
                f"{name(index)} has a token that the embedding of {model.name} lacks.",
                seen=f"token id {max(sequence.ids)}, an embedding of {rows} rows",
                fix="Use the tokenizer that belongs to these weights.",
            )
