"""Metrics that each break one promise, and one that breaks none."""

from pydantic import Field

from steerstack.contracts import Measured, Metric


class Right(Metric):
    """Log-odds of Yes on planted questions (arXiv 2312.06681)."""

    name = "right"
    paper = "arXiv 2312.06681"
    headline = "log_odds"
    higher = "says Yes"

    limit: int = Field(4, ge=1, description="Number of items.")

    def measure(self, model, plans, *, progress=None):
        import numpy as np

        from steerstack.measure.scoring import score_data
        from steerstack.testing import planted_data

        data = planted_data(self.limit)
        arms = score_data(model, data, "text", list(plans))
        ids = tuple(item.id for item in data)
        return [
            Measured(ids, {"log_odds": np.asarray(arm.effect_scale)}, {"n": len(ids)}, edited=arm.edited_positions)
            for arm in arms
        ]


def changed(cls, **changes):
    """A metric whose every result is changed."""
    from dataclasses import replace

    def measure(self, model, plans, *, progress=None):
        arms = Right.measure(self, model, plans)
        return [
            replace(arm, **{key: make(arm, n, len(arms)) for key, make in changes.items()})
            for n, arm in enumerate(arms)
        ]

    cls.measure = measure
    return cls


def values(of):
    return lambda arm, n, count: {"log_odds": of(arm.values["log_odds"], n, count)}


def noise(shape):
    import torch

    return torch.randn(shape).numpy()


class Renamed(Right):
    """arXiv 2312.06681."""

    headline = "odds"


class NoMeaning(Right):
    """arXiv 2312.06681."""

    higher = ""


OtherItems = changed(
    type("OtherItems", (Right,), {"__doc__": "arXiv 2312.06681"}), ids=lambda a, n, _: a.ids if n == 0 else a.ids[::-1]
)
TooFew = changed(type("TooFew", (Right,), {"__doc__": "arXiv 2312.06681"}), values=values(lambda v, n, _: v[1:]))
NotANumber = changed(
    type("NotANumber", (Right,), {"__doc__": "arXiv 2312.06681"}), values=values(lambda v, n, _: v / 0 * 0)
)
Unseeded = changed(
    type("Unseeded", (Right,), {"__doc__": "arXiv 2312.06681"}), values=values(lambda v, n, _: v + noise(v.shape))
)
Neighbours = changed(
    type("Neighbours", (Right,), {"__doc__": "arXiv 2312.06681"}), values=values(lambda v, n, count: v / (n + 1))
)
Uncounted = changed(type("Uncounted", (Right,), {"__doc__": "arXiv 2312.06681"}), edited=lambda *_: 0)
NoJson = changed(type("NoJson", (Right,), {"__doc__": "arXiv 2312.06681"}), about=lambda *_: {"at": object()})
