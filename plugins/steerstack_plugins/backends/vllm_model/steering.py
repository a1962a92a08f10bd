"""What a worker knows of plans: which rows of the pass that runs now are edited, and which have been.

vLLM runs the tokens of all its requests in one flat row, some of each request at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.steering.edits import Add
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

    one: PlacedEdit
    rows: list[int] = field(default_factory=list)
    accounts: list[tuple[set[int], list[int]]] = field(default_factory=list)


class _Step:
    """What is done to rows of one pass at once: one edit, or additions of different vectors, a vector for each row."""

    def __init__(self, works: Sequence[_Work], device: torch.device) -> None:
        self._edits = [work.one.edit for work in works]
        self.fingerprints = tuple(work.one.fingerprint for work in works)
        self._accounts = [account for work in works for account in work.accounts]
        self.rows = torch.tensor([row for work in works for row in work.rows], device=device)
        lengths = torch.tensor([len(work.rows) for work in works], device=device)
        self._edit_of_row = torch.arange(len(works), device=device).repeat_interleave(lengths)

    def addends(self, hidden: Float[Tensor, "row width"]) -> Float[Tensor, "edit width"]:
        """The vector of each addition."""
        return torch.stack([edit.addend(hidden) for edit in self._edits if isinstance(edit, Add)])

    def edit(self, rows: Float[Tensor, "row width"], addends: Float[Tensor, "edit width"] | None) -> Tensor:
        """The activations after it."""
        if addends is None:
            return self._edits[0].edit(rows)
        return rows + addends[self._edit_of_row]

    def note(self) -> None:
        """Write into each request's account where it was edited."""
        for touched, positions in self._accounts:
            touched.update(positions)


class RowEdits:
    """Requests that run, and the edits of the pass that runs now."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self._segments: Sequence[Segment] = ()
        self._steps: Mapping[Site, list[_Step]] = {}
        self._rows: Mapping[Site, Int[Tensor, " row"]] = {}
        self._addends: dict[tuple[Site, int], tuple[tuple[str, ...], Tensor]] = {}

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
        self._steps, self._rows = {}, {}
        active = [segment for segment in segments if self.held[segment.key].edits]
        if not active:
            return
        where = positions.tolist()
        # edits of one place in their plans are done together, and those of one plan one after the other
        work_by_place: dict[tuple[int, str], _Work] = {}
        for segment in active:
            held = self.held[segment.key]
            for place, one in enumerate(held.edits):
                rows = [row for row in range(segment.begin, segment.end) if one.touches(where[row])]
                if rows:
                    work = work_by_place.setdefault((place, one.fingerprint), _Work(one))
                    work.rows += rows
                    work.accounts.append((held.touched[place], [where[row] for row in rows]))
        by_site: dict[Site, dict[int, list[_Work]]] = defaultdict(lambda: defaultdict(list))
        for (place, _), work in sorted(work_by_place.items(), key=lambda entry: entry[0]):
            by_site[work.one.edit.site][place].append(work)
        self._steps = {
            site: [_Step(together, positions.device) for works in places.values() for together in _alike(works)]
            for site, places in by_site.items()
        }
        self._rows = {site: torch.cat([step.rows for step in steps]) for site, steps in self._steps.items()}

    def rows(self, site: Site) -> Int[Tensor, " row"] | None:
        """The rows that are edited at a site, some of them more than once; None where there are none."""
        return self._rows.get(site)

    def edit(self, site: Site, hidden: Float[Tensor, "row width"]) -> Float[Tensor, "row width"]:
        """The activations of all rows after the edits at a site, which are noted; ``hidden`` is left untouched."""
        out = hidden.clone()
        for place, step in enumerate(self._steps[site]):
            addends = self._addends_of(site, place, step, hidden) if len(step.fingerprints) > 1 else None
            out[step.rows] = step.edit(out[step.rows], addends)
            step.note()
        return out

    def _addends_of(self, site: Site, place: int, step: _Step, hidden: Float[Tensor, "row width"]) -> Tensor:
        """The vectors of a step; they are kept, as the next pass mostly adds the same ones."""
        fingerprints, addends = self._addends.get((site, place), ((), hidden))
        if fingerprints != step.fingerprints:
            addends = step.addends(hidden)
            self._addends[site, place] = step.fingerprints, addends
        return addends

    def keep(self, hidden: Float[Tensor, "row d_model"]) -> None:
        """Keep what leaves the last norm, of the requests that want it."""
        for segment in self._segments:
            held = self.held[segment.key]
            if held.keep:
                held.kept.append(hidden[segment.begin : segment.end].clone())


def _alike(works: Sequence[_Work]) -> Iterable[Sequence[_Work]]:
    """Works of one place and site, in which requests do not meet: plain additions together, others each by itself."""
    additions: list[_Work] = []
    for work in works:
        if isinstance(work.one.edit, Add) and not work.one.edit.relative:
            additions.append(work)
        else:
            yield [work]
    if additions:
        yield additions
