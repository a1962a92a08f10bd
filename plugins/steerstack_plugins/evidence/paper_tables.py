"""Published tables beside what was found here: reproduced in pattern, not reproduced, or not comparable, and why.

Every verdict follows from the items by a rule that is written down here; a number that was not measured gives none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from steerstack.report.answer import Answer
from steerstack.stats.estimates import Estimate
from steerstack.study.efficiency.answer import EfficiencyAnswer
from steerstack.study.stack.answer import StackAnswer
from steerstack.study.stack.grid import ORIGINS, Cell

Verdict = Literal["reproduced", "not reproduced", "not resolved", "not comparable", "not measured"]
Outcome = tuple[Verdict, str]
"""A verdict, and the numbers and reasons that it rests on."""

Answers = Mapping[str, Answer]
"""What was found, by what it is about in few words."""

PROMPT = "a positive prompt"

MANY = 0.25
"""Share of items that are moved the wrong way from which on they are many."""


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper, and the rule by which it is held against what was found.

    Attributes
    ----------
    paper:
        Authors, year, arXiv number and table.
    reports:
        Its pattern, in one sentence.
    rule:
        What counts as the same pattern here.
    outcome:
        Applies the rule.
    """

    paper: str
    reports: str
    rule: str
    outcome: Callable[[Answers], Outcome]


def stacks(answers: Answers) -> dict[str, StackAnswer]:
    """The answers of stacking studies, by what they are about."""
    return {name: of for name, of in answers.items() if isinstance(of, StackAnswer)}


def _both_ways(answers: Answers) -> Outcome:
    """The vector raises a behaviour and its opposite lowers it."""
    pairs = {name: (of.alone, of.effect(Cell("none", "negative"))) for name, of in stacks(answers).items()}
    both = {name: (up, down) for name, (up, down) in pairs.items() if down is not None}
    if not both:
        return "not measured", "No claim of a vector alone was measured."
    moved = [name for name, (up, down) in both.items() if _raises(up) and down.bears_claim and down.value < 0]
    each = "; ".join(f"{name}: vector {up}, its opposite {down} (n = {up.n})" for name, (up, down) in both.items())
    verdict: Verdict = "reproduced" if len(moved) > len(both) / 2 else "not reproduced"
    return verdict, f"{len(moved)} of {len(both)} move both ways ({', '.join(moved) or 'none'}). {each}."


def _raises(effect: Estimate) -> bool:
    return effect.bears_claim and effect.value > 0


def _moving(answers: Answers) -> dict[str, StackAnswer]:
    """The vectors that raise their behaviour alone: of one that does nothing, nothing can be reproduced."""
    return {name: of for name, of in stacks(answers).items() if _raises(of.alone)}


def _on_prompts(answers: Answers) -> Outcome:
    """What the vector adds to a positive prompt."""
    added = {name: one.adds for name, of in _moving(answers).items() for one in of.combined if one.other == PROMPT}
    if not added:
        return "not measured", "No vector that raises its behaviour alone was measured on top of a prompt."
    each = "; ".join(f"{name}: {adds} (n = {adds.n})" for name, adds in added.items())
    raised = sum(map(_raises, added.values()))
    verdict: Verdict = "reproduced" if raised > len(added) / 2 else "not resolved"
    return verdict, f"{raised} of {len(added)} still do. {each}."


def _on_fine_tunes(answers: Answers) -> Outcome:
    """Whether less than half of the vector's effect is left on a fine-tuned model."""
    found: list[tuple[float, Estimate, str]] = []
    for name, of in _moving(answers).items():
        finetunes = {row.cell.finetune for row in of.rows} - {"none"}
        tuned = {f"{finetune} ({origin})" for finetune in finetunes for origin in ORIGINS}
        found += [(of.alone.value / 2, one.adds, f"{name}, {one.other}") for one in of.combined if one.other in tuned]
    if not found:
        return "not measured", "No vector that raises its behaviour alone was measured on a fine-tuned model."
    each = "; ".join(f"{name}: {adds}, half of it alone {half:.3f} (n = {adds.n})" for half, adds, name in found)
    if all(adds.ci_high < half for half, adds, _ in found):
        return "reproduced", f"{each}."
    return "not reproduced" if all(adds.ci_low > half for half, adds, _ in found) else "not resolved", f"{each}."


def _against(answers: Answers) -> Outcome:
    """Many items move against a vector that moves their mean."""
    shares = {name: of.against for name, of in _moving(answers).items() if of.against is not None}
    if not shares:
        return "not measured", "No vector that raises its behaviour alone was measured."
    each = "; ".join(
        f"{name} {of.value:.2f} [{of.ci_low:.2f}, {of.ci_high:.2f}] (n = {of.n})" for name, of in shares.items()
    )
    words = f"{each}. Where a vector moves nothing on average, half of the items move against it by chance alone."
    if any(share.ci_low > MANY for share in shares.values()):
        return "reproduced", words
    return "not reproduced" if all(share.ci_high < MANY for share in shares.values()) else "not resolved", words


def _means_and_weights(answers: Answers) -> Outcome:
    """The mean difference does more than the weights of a probe."""
    for of in (of for of in answers.values() if isinstance(of, EfficiencyAnswer)):
        for pair in of.crossings:
            if (pair.first, pair.second) == ("mean-difference", "logistic"):
                gap = pair.crossing.largest
                other: Verdict = "not reproduced" if gap.bears_claim else "not resolved"
                words = f"mean-difference minus logistic: {gap} (n = {of.n} items, {of.study.seeds} seeds)."
                return "reproduced" if _raises(gap) else other, words
    return "not measured", "No claim compares them."


def _demonstrations(answers: Answers) -> Outcome:
    """ITI on top of demonstrations, which is another vector at another place on another measure."""
    adds = [one.adds for name, of in stacks(answers).items() if of.behavior == "truthfulness"
            for one in of.combined if one.other == "demonstrations"]  # fmt: skip
    number = f" The mean difference adds {adds[0]} to demonstrations (n = {adds[0].n})." if adds else ""
    why = "ITI moves 48 heads and is measured by trained judges of free text; here one direction of the residual stream"
    return "not comparable", f"{why} moves the log-odds of given answers.{number}"


PAPER_TABLES = (
    PaperTable(
        "Rimsky et al. 2024 (CAA), arXiv 2312.06681, table 3",
        "By letter on Llama 2 13B, a vector raises and its opposite lowers six of seven behaviours; sycophancy falls "
        "both ways.",
        "More than half of the vectors here raise their behaviour and lower it with the other sign, by answers' own "
        "words.",
        _both_ways,
    ),
    PaperTable(
        "Rimsky et al. 2024 (CAA), table 3, under a positive system prompt",
        "The vector still raises six of seven behaviours on top of the prompt.",
        "Of the vectors that raise their behaviour alone, more than half do so on top of a positive prompt.",
        _on_prompts,
    ),
    PaperTable(
        "Rimsky et al. 2024 (CAA), table 10",
        "By letter, on models that were fine-tuned towards the behaviour, the vector adds next to nothing.",
        "On every fine-tuned model the vector adds less than half of its mean effect alone, by the whole interval.",
        _on_fine_tunes,
    ),
    PaperTable(
        "Rimsky et al. 2024 (CAA), table 4",
        "In open answers that GPT-4 scores, the vector adds to prompts and fine-tunes for most behaviours.",
        "None: no judge of that strength can be run here.",
        lambda _: ("not comparable", "Answers here are scored by their log-odds; models of this size are poor judges."),
    ),
    PaperTable(
        "Tan et al. 2024, arXiv 2407.12404",
        "In several of 40 data sets a vector moves almost half of the inputs against its sign.",
        f"Of a vector that raises the mean, the interval of the share of such items lies above {MANY:g}.",
        _against,
    ),
    PaperTable(
        "Li et al. 2023 (ITI), arXiv 2306.03341, table 3",
        "A difference of means is a better direction than the weights of a probe.",
        "mean-difference beats logistic by an interval that excludes zero, at the same choices.",
        _means_and_weights,
    ),
    PaperTable(
        "Li et al. 2023 (ITI), table 1",
        "ITI on top of few-shot prompting is better than either alone.",
        "None.",
        _demonstrations,
    ),
)
"""Tables that a reader will want to see reproduced."""


def paper_tables_page(answers: Answers) -> str:
    """The page that holds them against what was found."""
    lines = [
        "# Published tables", "",
        "What papers report, and whether the same pattern shows here, by a rule for each. The models are other ones "
        "and far smaller, so that a pattern that is missing here says nothing against the paper. The rules were "
        "written when SmolLM2's vectors alone had been measured, and before fine-tunes and methods were.", "",
    ]  # fmt: skip
    for one in PAPER_TABLES:
        verdict, words = one.outcome(answers)
        lines += [f"## {one.paper}", "", f"Reports: {one.reports}", "", f"**{verdict.capitalize()}.** {words}", ""]
        lines += [f"The rule: {one.rule}", ""]
    return "\n".join(lines)


def paper_tables_line(answers: Answers) -> str:
    """One line for the first page."""
    verdicts = [one.outcome(answers)[0] for one in PAPER_TABLES]
    each = ", ".join(f"{count} {verdict}" for verdict in get_args(Verdict) if (count := verdicts.count(verdict)))
    return f"Of {len(PAPER_TABLES)} published tables, in pattern: {each}."
