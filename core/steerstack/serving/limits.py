"""How much of a server its clients may take."""

from dataclasses import dataclass

GRACE = 1
"""Seconds that a running answer has, once the server is stopped."""


@dataclass(frozen=True)
class Limits:
    """Bounds on what is sent, kept and run.

    Attributes
    ----------
    request:
        Bytes of one request, as it is sent.
    queue:
        Jobs that may wait or run; further ones are refused until one ends.
    seconds:
        Time that one job may run.
    memory:
        Bytes that the worker may hold beyond what it held with the model open.
    patience:
        Seconds without a question after which a job that waits is dropped: its client is gone.
    """

    request: int = 1 << 30
    queue: int = 32
    seconds: float = 3600.0
    memory: int = 32 << 30
    patience: float = 900.0
