"""What was generated so far, by arm and prompt, and who is told of each token."""

from collections.abc import Callable

Told = Callable[[int, int, int], None]
"""Told of every new token: the places of its arm and of its prompt, and its id."""


class Answers:
    """New token ids by (arm, prompt).

    Parameters
    ----------
    arms, prompts:
        How many there are.
    told:
        Told of every token as it comes.
    """

    def __init__(self, arms: int, prompts: int, told: Told | None = None) -> None:
        self._tokens: dict[tuple[int, int], list[int]] = {
            (arm, index): [] for arm in range(arms) for index in range(prompts)
        }
        self._told = told

    def __getitem__(self, key: tuple[int, int]) -> list[int]:
        return self._tokens[key]

    def add(self, key: tuple[int, int], token: int) -> None:
        """One more token of an answer."""
        self._tokens[key].append(token)
        if self._told:
            self._told(*key, token)
