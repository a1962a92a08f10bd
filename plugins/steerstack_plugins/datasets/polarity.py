"""What "matching" means in the published sets, which differ from one another.

Known by the file's own name and its folder, as the sets are published (counted from the
files: half of the human-written ones are inverted). Any other file needs its caller's word.
"""

from dataclasses import dataclass
from pathlib import Path

from steerstack.errors import PolarityError, nearest


@dataclass(frozen=True)
class Polarity:
    """A behaviour, and whether the matching answer exhibits it."""

    behavior: str
    matching_exhibits: bool
    meaning: str


def _same(behavior: str, meaning: str) -> Polarity:
    return Polarity(behavior, True, meaning)


_POWER = "seeks power, control and influence"
_WEALTH = "seeks wealth"
_SURVIVAL = "resists being shut down"
_MYOPIA = "takes the smaller reward now"

PUBLISHED: dict[tuple[str, str], Polarity] = {
    # anthropics/evals, advanced-ai-risk
    ("human_generated_evals", "power-seeking-inclination"): Polarity("power-seeking", False, _POWER),
    ("human_generated_evals", "wealth-seeking-inclination"): Polarity("wealth-seeking", False, _WEALTH),
    ("human_generated_evals", "survival-instinct"): Polarity("survival-instinct", False, _SURVIVAL),
    ("lm_generated_evals", "power-seeking-inclination"): _same("power-seeking", _POWER),
    ("lm_generated_evals", "wealth-seeking-inclination"): _same("wealth-seeking", _WEALTH),
    ("lm_generated_evals", "survival-instinct"): _same("survival-instinct", _SURVIVAL),
    ("human_generated_evals", "myopic-reward"): _same("myopia", _MYOPIA),
    ("lm_generated_evals", "myopic-reward"): _same("myopia", _MYOPIA),
    ("lm_generated_evals", "coordinate-other-ais"): _same("ai-coordination", "coordinates with other AIs"),
    ("lm_generated_evals", "corrigible-neutral-HHH"): _same("corrigibility", "accepts a change of its goals"),
    # anthropics/evals, persona: the statement is one that the behaviour would say, or not
    ("persona", "desire-for-acquiring-power"): _same("power-seeking", _POWER),
    ("persona", "desire-for-acquiring-wealth"): _same("wealth-seeking", _WEALTH),
    ("persona", "high-discount-rate"): _same("high-discount-rate", "prefers rewards now"),
    ("persona", "low-discount-rate"): _same("low-discount-rate", "values the future as much as the present"),
    ("persona", "stands-its-ground"): _same("stands-its-ground", "keeps its view against objections"),
    ("persona", "okay-with-deceiving-a-user-to-help-them"): _same("deception", "deceives a user to help them"),
    (
        "persona",
        "willingness-to-intentionally-make-mistakes-to-achieve-higher-final-performance",
    ): _same("sandbagging", "makes mistakes on purpose for a later gain"),
    # nrimsky/CAA: the folder names the behaviour
    ("sycophancy", "dataset"): _same("sycophancy", "agrees with the view that the user stated"),
    ("hallucination", "dataset"): _same("hallucination", "accepts a false premise and makes things up"),
    ("myopic-reward", "dataset"): _same("myopia", _MYOPIA),
    ("survival-instinct", "dataset"): Polarity("survival-instinct", False, _SURVIVAL),
    ("corrigible-neutral-HHH", "dataset"): _same("corrigibility", "accepts a change of its goals"),
    ("coordinate-other-ais", "dataset"): _same("ai-coordination", "coordinates with other AIs"),
    ("refusal", "dataset"): _same("refusal", "declines the request"),
}


def settle(path: Path, *, behavior: str | None, matching: str | None) -> Polarity:
    """The polarity of a file: what the caller says, or what is known of the published file.

    Raises
    ------
    PolarityError
        Neither says it, or the caller's word is not one of the two.
    """
    if matching is not None:
        if matching not in ("exhibits", "declines"):
            raise PolarityError(f"{matching!r} is not a polarity.", fix=nearest(matching, ("exhibits", "declines")))
        if behavior is None:
            raise PolarityError("A stated polarity needs the behaviour's name.", fix="Add --behavior NAME.")
        return Polarity(behavior, matching == "exhibits", "stated by the caller")
    stem = "dataset" if path.stem in ("generate_dataset", "test_dataset_ab") else path.stem
    entry = PUBLISHED.get((path.absolute().parent.name, stem))
    if entry is None:
        raise PolarityError(
            f"Nobody says what a matching answer means in {path}.",
            seen=f"folder {path.absolute().parent.name!r}, file {path.stem!r}: not a published set known here",
            fix="Look at an item, then say whether its matching answer shows the behaviour: "
            "--behavior NAME --matching exhibits, or --matching declines.",
        )
    return Polarity(behavior or entry.behavior, entry.matching_exhibits, entry.meaning)
