"""Random edits and plans for property tests."""

import torch
from hypothesis import strategies as st

from steerstack.steering.edits import Ablate, Add, Clamp, Project
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import COMPONENTS, Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import LAYERS, WIDTH

SELECTIONS = [
    Tokens("all"), Tokens("prompt"), Tokens("response"), Tokens("last"), Tokens.at(0, 3, -2), Tokens.at(-1),
]  # fmt: skip


@st.composite
def edits(draw: st.DrawFn) -> Intervention:
    """Any edit, at any site, on any tokens."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    direction = torch.randn(WIDTH, generator=generator)
    site = Site(draw(st.sampled_from(COMPONENTS)), draw(st.integers(0, LAYERS - 1)))
    tokens = draw(st.sampled_from(SELECTIONS))
    scale = draw(st.floats(-3, 3, width=32))
    kind = draw(st.sampled_from(["add", "relative", "ablate", "mean", "zero", "project", "clamp"]))
    match kind:
        case "add":
            return Add(site, direction, scale, selection=tokens)
        case "relative":
            return Add(site, direction, scale / 4, True, selection=tokens)
        case "ablate":
            return Ablate(site, direction, selection=tokens)
        case "mean":
            return Ablate(site, None, "mean", direction, selection=tokens)
        case "zero":
            return Ablate(site, None, "zero", selection=tokens)
        case "project":
            return Project(site, torch.stack([direction, direction.roll(1)]), selection=tokens)
        case _:
            return Clamp(site, direction, -0.5, 0.5, selection=tokens)


def plans() -> st.SearchStrategy[Plan]:
    """Plans of one to three edits."""
    return st.lists(edits(), min_size=1, max_size=3).map(lambda found: Plan(tuple(found)))
