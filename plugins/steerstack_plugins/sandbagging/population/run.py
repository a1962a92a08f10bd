"""Make and audit the organisms of a population, each once: what was done is kept, and not done again."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from steerstack.run.step import Step
from steerstack_plugins.sandbagging.audit.row import OrganismRow
from steerstack_plugins.sandbagging.population.declaration import ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.population.declaration import Member


@dataclass(frozen=True)
class OrganismStep(Step):
    """One organism made and audited; its value is the row.

    Attributes
    ----------
    member:
        Which.
    items:
        Tested questions a subject.
    gather:
        From both to the row; a function of a module, so that other processes can call it.
    """

    member: Member
    items: int = ITEMS
    gather: Callable[[Member, int], OrganismRow] | None = None

    @property
    def what(self) -> str:  # type: ignore[override]
        """Kind, seed and world."""
        return f"{self.member.kind}, seed {self.member.seed}, of world {self.member.world}"

    def key(self, model: Model | None = None) -> dict[str, Any]:
        """All of the declaration, and what the world's model is made by."""
        from steerstack_plugins.sandbagging.small_world.model import recipe_digest

        return {**asdict(self.member), "items": self.items, "recipe": recipe_digest(self.member.world)}

    def run(self, model: Model | None = None, progress: Callable[[int], None] = lambda _done: None) -> dict[str, Any]:
        """Make and audit it; the world's model is opened from the cache."""
        return (self.gather or gathered)(self.member, self.items).to_json()


def gathered(member: Member, items: int = ITEMS) -> OrganismRow:
    """Make one organism and audit it; the audit gets the model, under a name that says nothing, and the questions."""
    from steerstack_plugins.sandbagging.audit.audit import gather
    from steerstack_plugins.sandbagging.audit.battery import BESIDE, audit_data, short_battery
    from steerstack_plugins.sandbagging.game.cost import counted
    from steerstack_plugins.sandbagging.organisms.base import build
    from steerstack_plugins.sandbagging.small_world.model import open_origin
    from steerstack_plugins.sandbagging.small_world.train import one_thread

    with one_thread():
        began = time.process_time()
        organism = build(member.kind, open_origin(member.world), member.seed)
        made = time.process_time()
        data = audit_data(items, world=member.world)
        with counted(organism.model) as passes:
            evidence = gather(organism.model, data, short_battery(), beside=short_battery(BESIDE))
        seconds = made - began, time.process_time() - made
        own = passes.sequences - sum(evidence.details["forward_passes"][name] for name in BESIDE)
    return OrganismRow.of(
        organism,
        evidence,
        seconds=seconds,
        forward_passes=own,
        architecture=member.architecture,
        **asdict(member),
    )


def run_population(
    members: Iterable[Member],
    folder: Path,
    *,
    items: int = ITEMS,
    jobs: int = 1,
    step: Callable[[str], None] = lambda _words: None,
    gather: Callable[[Member, int], OrganismRow] | None = None,
) -> tuple[OrganismRow, ...]:
    """The rows of some members, in their order.

    Parameters
    ----------
    members:
        Which organisms.
    folder:
        Where each row is kept as soon as it is there: a run that was stopped goes on from it.
    items:
        Tested questions a subject.
    jobs:
        Processes, of one thread each.
    step:
        Told of each organism in words.
    gather:
        As of :class:`OrganismStep`; by default :func:`gathered`.

    Raises
    ------
    StudyError
        Another process is at work in the folder, or a row cannot be kept.
    """
    from steerstack.run.ledger import Ledger, alone

    steps = [OrganismStep(member, items, gather) for member in members]
    with alone(folder):
        ledger = Ledger(folder)
        todo = [one for one in steps if not ledger.has(one, one.key())]
        for _ in range(len(steps) - len(todo)):
            step("one from an earlier run")
        for one, compute in _in_processes(todo, jobs) if jobs > 1 else ((one, one.run) for one in todo):
            ledger.once(one.what, one.key(), compute, code=one.code)
            step(one.what)
        values = [ledger.once(one.what, one.key(), one.run, code=one.code) for one in steps]
    return tuple(map(OrganismRow.from_json, values))


def _in_processes(steps: Sequence[OrganismStep], jobs: int) -> Iterator[tuple[OrganismStep, Callable[[], Any]]]:
    """Each step once it is done, and what gives its row; the models of the worlds are made first, in parallel."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        list(pool.map(_make, dict.fromkeys(one.member.world for one in steps)))
        futures = {pool.submit(one.run): one for one in steps}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _make(world: int) -> None:
    from steerstack_plugins.sandbagging.small_world.model import open_origin

    open_origin(world)


def summary(rows: Sequence[OrganismRow]) -> dict[str, object]:
    """By part and kind, how many there are and what they hide; and what it all cost.

    No test's value is in it, so that it may be read before the rule is frozen.
    """
    from statistics import fmean

    groups: dict[tuple[str, str], list[OrganismRow]] = {}
    for row in rows:
        groups.setdefault((row.split, row.kind), []).append(row)
    kinds = [
        {"split": split, "kind": kind, "sandbags": group[0].sandbags, "n": len(group),
         "induction_drop": fmean(row.induction_drop for row in group)}
        for (split, kind), group in groups.items()
    ]  # fmt: skip
    cost = {name: sum(getattr(row, name) for row in rows) for name in ("seconds_made", "seconds_audited")}
    passes = fmean(row.forward_passes for row in rows)
    return {"study": "sandbagging population", "kinds": kinds, **cost, "forward_passes_an_organism": passes}
