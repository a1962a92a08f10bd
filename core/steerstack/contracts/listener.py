"""Listeners: told of what a study does while it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Something that happened in a study.

    Attributes
    ----------
    kind:
        ``step-started``, ``step-finished`` or ``recorded``.
    what:
        Name of the step or study.
    details:
        As JSON: the study's folder, seconds, where it was recorded.
    """

    kind: str
    what: str
    details: Mapping[str, Any] = field(default_factory=dict)


class Listener(ABC):
    """Hears every event; one that raises is reported once and does not stop the study."""

    name: ClassVar[str]

    @abstractmethod
    def notify(self, event: Event) -> None:
        """Called in the order of events, in the study's own process."""
