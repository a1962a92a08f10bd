"""What a worker knows of plans: which rows of the pass that runs now are edited, and which have been.

vLLM runs the tokens of all its requests in one flat row, some of each request at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.steering.intervention import Intervention
from steerstack.steering.site import Site
from steerstack_plugins.backends.vllm_model.request import PlacedEdit


@dataclass
class Held:
    """A request that runs.

    Attributes
    ----------
    edits:
        What acts on it, in order.
    keep:
        Whether what leaves the last norm is kept at each of its positions.
    touched:
        For each edit, the positions at which it has acted.
    kept:
        What was kept, in order.
    """

    edits: Sequence[PlacedEdit]
    keep: bool = False
    touched: list[set[int]] = field(init=False)
    kept: list[Float[Tensor, "row d_model"]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.touched = [set() for _ in self.edits]


@dataclass(frozen=True)
class Segment:
    """The rows of a pass that belong to one request.

    Attributes
    ----------
    key:
        The key under which it is held.
    begin, end:
        The first of its rows, and the first after them.
    """

    key: str
    begin: int
    end: int


@dataclass
class _Work:
    """One edit on rows of one or several requests; for each request, its account and the positions to note."""

    edit: Intervention
    rows: list[int] = field(default_factory=list)
    accounts: list[tuple[set[int], list[int]]] = field(default_factory=list)


class RowEdits:
    """Requests that run, and the edits of the pass that runs now."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self._segments: Sequence[Segment] = ()
        self._work: Mapping[Site, list[tuple[_Work, Int[Tensor, " row"]]]] = {}

    def begin(self, segments: Sequence[Segment], positions: Int[Tensor, " row"]) -> None:
        """Prepare a pass.

        Parameters
        ----------
        segments:
            The rows of each request that is held; others are left alone.
        positions:
            The position of each row in its own text, as the model itself is told.
        """
        self._segments = segments
        active = [segment for segment in segments if self.held[segment.key].edits]
        if not active:
            self._work = {}
            return
        where = positions.tolist()
        # edits of one place in their plans are done together, and those of one plan one after the other
        work_by_place: dict[tuple[int, str], _Work] = {}
        for segment in active:
            held = self.held[segment.key]
            for place, one in enumerate(held.edits):
                rows = [row for row in range(segment.begin, segment.end) if one.touches(where[row])]
                if rows:
                    work = work_by_place.setdefault((place, one.fingerprint), _Work(one.edit))
                    work.rows += rows
                    work.accounts.append((held.touched[place], [where[row] for row in rows]))
        by_site = defaultdict(list)
        for _, work in sorted(work_by_place.items(), key=lambda entry: entry[0]):
            by_site[work.edit.site].append((work, torch.tensor(work.rows, device=positions.device)))
        self._work = dict(by_site)

    def rows(self, site: Site) -> Int[Tensor, " row"] | None:
        """The rows that are edited at a site, some of them more than once; None where there are none."""
        work = self._work.get(site)
        if not work:
            return None
        return torch.cat([rows for _, rows in work])

    def edit(self, site: Site, hidden: Float[Tensor, "row width"]) -> Float[Tensor, "row width"]:
        """The activations of all rows after the edits at a site, which are noted; ``hidden`` is left untouched."""
        out = hidden.clone()
        for work, rows in self._work[site]:
            out[rows] = work.edit.edit(out[rows])
            for touched, positions in work.accounts:
                touched.update(positions)
        return out

    def keep(self, hidden: Float[Tensor, "row d_model"]) -> None:
        """Keep what leaves the last norm, of the requests that want it."""
        for segment in self._segments:
            held = self.held[segment.key]
            if held.keep:
                held.kept.append(hidden[segment.begin : segment.end].clone())
