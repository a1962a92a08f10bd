"""What was looked at, and the causes that can be named."""

from dataclasses import asdict, dataclass

CAUSES = {
    "another model": "The vector does not fit the model: another width, or layers that the model does not have.",
    "other weights": "The vector was made from other weights than this model's.",
    "no such layer": "The layer does not exist in the vector or in the model.",
    "scale 0": "The scale is 0, which is the unsteered model.",
    "nothing edited": "No position is edited: the token selection is empty on these prompts.",
    "never read": "What is edited is read by nothing: earlier positions after the last layer.",
    "no change": "The edit leaves every activation as it is, such as a gate that never opens.",
    "template": "The chat template refuses or drops words that it was given, such as the system prompt.",
    "labels": "The items cannot be asked so: an answer or a label has no token of its own.",
    "reasoning": "Only the reasoning block is edited, and it is empty, since answers are scored after a closed one.",
    "too few items": "There are too few items to tell an effect from chance.",
    "by position": "The model answers by the position of an option, not by its content.",
    "label mass": "The labels hold little of the probability: the model would write something else there.",
    "near zero": "The direction is next to nothing beside the activations that it is added to.",
    "too strong": "The edit is so strong that the text breaks.",
    "sign": "The scale is negative: the vector acts, against the behaviour.",
    "reversed": "The vector and the data mean opposite things: it acts, against the behaviour.",
    "too weak": "The vector acts at this layer when it is stronger.",
    "prompt only": "Only the prompt is edited; the vector acts where the response is edited.",
    "not decoded": "No generated token is edited: text that is written out is steered at its first token at most.",
    "wrong layer": "The vector acts at another layer.",
    "another direction": "The vector holds another direction than these items': theirs acts where it does not.",
    "saturation": "The unsteered model behaves so already: there is nothing left to move.",
    "nothing acts": "Nothing that was tried has an effect that these items show, a direction of their own included.",
}
"""Every cause that is named, with what it means, in the order in which they are looked for."""


@dataclass(frozen=True)
class Look:
    """One thing that was looked at.

    Attributes
    ----------
    what:
        Its name.
    found:
        What was found, in a sentence.
    cause:
        The cause that this is, by its name in :data:`CAUSES`; empty where it is as it should be.
    do:
        What the reader can do about it.
    """

    what: str
    found: str
    cause: str = ""
    do: str = ""

    def __post_init__(self) -> None:
        if self.cause and self.cause not in CAUSES:
            raise ValueError(f"{self.cause!r} is no declared cause")

    def to_json(self) -> dict[str, object]:
        """As ``doctor --why --json`` has it."""
        return asdict(self)
