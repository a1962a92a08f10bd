"""Requests that arrive one by one, run together: those with equal settings share a batch."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

Settings = TypeVar("Settings", bound=Hashable)
Question = TypeVar("Question")
Answer = TypeVar("Answer")

GATHER = 0.02
"""Seconds during which requests may join a batch."""


@dataclass(eq=False)
class _Waiting(Generic[Settings, Question, Answer]):
    settings: Settings
    question: Question
    answer: list[Answer] = field(default_factory=list)  # empty until there is one
    error: Exception | None = None


class Gathered(Generic[Settings, Question, Answer]):
    """One batch at a time, in a worker thread; what arrives meanwhile makes up the next.

    Parameters
    ----------
    run:
        From settings and questions to an answer for each.
    """

    def __init__(self, run: Callable[[Settings, list[Question]], list[Answer]]) -> None:
        self._run = run
        self._waiting: list[_Waiting[Settings, Question, Answer]] = []
        self._lock = anyio.Lock()

    async def ask(self, settings: Settings, question: Question, limit: int) -> Answer:
        """The answer to one question.

        Parameters
        ----------
        settings, question:
            What is asked.
        limit:
            How many questions may share the batch.

        Raises
        ------
        Exception
            Whatever the run raised for the batch.
        """
        mine = _Waiting[Settings, Question, Answer](settings, question)
        self._waiting.append(mine)
        try:
            await anyio.sleep(GATHER)
            async with self._lock:
                if not mine.answer and mine.error is None:
                    await self._serve(mine, limit)
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.answer[0]

    async def _serve(self, first: _Waiting[Settings, Question, Answer], limit: int) -> None:
        others = [one for one in self._waiting if one is not first and one.settings == first.settings]
        batch = [first, *others[: max(limit, 1) - 1]]
        for one in batch:
            self._waiting.remove(one)
        try:
            answers = await anyio.to_thread.run_sync(self._run, first.settings, [one.question for one in batch])
        except Exception as error:  # each that waits is told
            for one in batch:
                one.error = error
        else:
            for one, answer in zip(batch, answers, strict=True):
                one.answer.append(answer)
