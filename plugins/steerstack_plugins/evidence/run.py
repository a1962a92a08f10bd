"""Run a programme, and build its pages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from steerstack.util.files import write_atomically
from steerstack_plugins.evidence.claim_folder import Finding, write_finding
from steerstack_plugins.evidence.figure import figure
from steerstack_plugins.evidence.pages import claim_page, figures_of, index_page
from steerstack_plugins.evidence.paper_tables import paper_tables_page
from steerstack_plugins.evidence.programme import subjects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steerstack.run.progress import Progress
    from steerstack.trace.model import Model
    from steerstack_plugins.evidence.programme import DeclaredClaim

State = Literal["not run", "run", "declared anew since"]


@dataclass(frozen=True)
class Status:
    """How far a claim is.

    Attributes
    ----------
    name, state:
        The claim, and whether its finding is there and of the study that it declares now.
    planned, took:
        Minutes; None where it was not run.
    sentence:
        The answer, where there is one.
    """

    name: str
    state: State
    planned: float
    took: float | None
    sentence: str


def results_of(pages: Path, name: str) -> Path:
    """Where a claim's finding is kept: beside the pages that are built from it."""
    return pages / "results" / name


def findings(claims: Mapping[str, DeclaredClaim], pages: Path) -> dict[str, Finding]:
    """Every finding whose claim still declares the same study."""
    entries = {name: Finding.read(results_of(pages, name)) for name in claims}
    return {name: of for name, of in entries.items() if of is not None and not of.stale(claims[name])}


def status(claims: Mapping[str, DeclaredClaim], pages: Path) -> list[Status]:
    """How far each claim is."""
    statuses = []
    for name, claim in claims.items():
        of = Finding.read(results_of(pages, name))
        if of is None:
            statuses.append(Status(name, "not run", claim.minutes, None, ""))
        else:
            state: State = "declared anew since" if of.stale(claim) else "run"
            statuses.append(Status(name, state, claim.minutes, of.run["seconds"] / 60, of.answer.verdict))
    return statuses


def run_claim(
    name: str, claim: DeclaredClaim, pages: Path, *, model: Model | None = None, engine: str = "local",
    workers: int | None = None, fresh: bool = False, progress: Progress | None = None,
) -> Finding:  # fmt: skip
    """Measure one claim, or go on where it was stopped, and keep what came out beside the pages.

    Raises
    ------
    SteerstackError
        The study cannot be run; what was finished of it is kept.
    """
    study, start = claim.declared(name), time.monotonic()
    result = study.run(model, engine=engine, workers=workers, fresh=fresh, progress=progress)
    folder = results_of(pages, name)
    write_finding(result, claim, folder, seconds=time.monotonic() - start)
    finding = Finding.read(folder)
    assert finding is not None
    return finding


def _built(claims: Mapping[str, DeclaredClaim], pages: Path, *, figures: bool = False) -> dict[Path, str]:
    """Every page, and the figures if wanted, by the file that it belongs in; each finding is read once."""
    outcomes = findings(claims, pages)
    answers = {name: of.answer for name, of in outcomes.items()}
    about = subjects(claims)
    contents = {
        pages / "index.md": index_page(claims, answers),
        pages / "published.md": paper_tables_page({about[name]: of for name, of in answers.items()}),
    }
    for name, of in outcomes.items():
        contents[pages / f"{name}.md"] = claim_page(name, claims[name], of)
        for file, plot in figures_of(name, of.answer).items() if figures else ():
            contents[pages / file] = figure(plot)
    return contents


def stale_pages(claims: Mapping[str, DeclaredClaim], pages: Path) -> list[Path]:
    """The pages that do not say what the findings say now."""
    texts = _built(claims, pages)
    return [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def write_pages(claims: Mapping[str, DeclaredClaim], pages: Path) -> list[Path]:
    """Write every page, and the figures of each finding; returns the files."""
    contents = _built(claims, pages, figures=True)
    for path, text in contents.items():
        write_atomically(path, text)
    return list(contents)
