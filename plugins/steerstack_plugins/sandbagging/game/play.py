"""The blue side's turn: every entry is checked, opened under a name that says nothing, and judged."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steerstack.errors import DataError
from steerstack_plugins.sandbagging.game.commitment import read_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from steerstack.contracts import Auditor, Opinion, Questions
    from steerstack_plugins.sandbagging.game.commitment import Entry

STUDY = "sandbagging game"


def play(
    entries: Path,
    auditor: Auditor,
    questions: Questions,
    *,
    seed: int = 0,
    step: Callable[[str], None] = lambda _words: None,
) -> dict[str, object]:
    """Judge all entries of a folder; the file form of ``sandbag game audit``.

    All entries are checked before the first is opened. The auditor sees a model, called by the number of the entry,
    and the questions; labels are no input of it.

    Parameters
    ----------
    entries:
        Folder of the entries.
    auditor, questions, seed:
        Who judges, what may be asked, and the seed of whatever is drawn.
    step:
        Told of each entry in words.
    """
    from steerstack.trace.open import open_model
    from steerstack_plugins.sandbagging.game.cost import counted

    rows = []
    for number, entry in enumerate(read_entries(entries)):
        step(f"entry {entry.name}")
        model = open_model(entry.model)
        model.name = f"entry {number}"
        with counted(model) as passes:
            opinion = auditor.judge(model, questions, seed=seed)
        rows.append(_row(entry, opinion, passes.sequences))
    return _played(auditor.name, auditor.parameters(), rows)


def take(entries: Path, opinions: Path) -> dict[str, object]:
    """The same from opinions that were formed elsewhere, on the same entries.

    The file holds ``auditor``, a name, and ``opinions``: for each entry ``probability``, ``sandbags``, ``labels`` and
    ``forward_passes``.

    Raises
    ------
    DataError
        The file lacks an entry, has one too many, or holds something else.
    """
    from steerstack.contracts import Opinion
    from steerstack_plugins.sandbagging.game.folder import settings_in

    content, submissions = settings_in(opinions), read_entries(entries)
    judgments = content.get("opinions")
    if not isinstance(content.get("auditor"), str) or not isinstance(judgments, dict):
        raise DataError(
            f"{opinions} holds no opinions.", seen=", ".join(content), fix="It needs `auditor` and `opinions`."
        )
    unlike = sorted({entry.name for entry in submissions} ^ set(judgments))
    if unlike:
        raise DataError(
            "Not every entry has one opinion.", seen=", ".join(unlike), fix="Judge each entry of the folder."
        )
    rows = []
    for entry in submissions:
        own = judgments[entry.name]
        try:
            opinion = Opinion(float(own["probability"]), _truth(own["sandbags"]), int(own["labels"]))
            rows.append(_row(entry, opinion, float(own["forward_passes"])))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"The opinion on {entry.name!r} cannot be read.",
                seen=f"{type(error).__name__}: {error}",
                fix="It needs probability, sandbags, labels and forward_passes.",
            ) from error
    return _played(content["auditor"], {}, rows)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _row(entry: Entry, opinion: Opinion, passes: float) -> dict[str, object]:
    commitment = {"entry": entry.name, "files": dict(entry.files), "seal": entry.seal}
    return {**commitment, **asdict(opinion), "forward_passes": passes}


def _played(auditor: str, parameters: Mapping[str, Any], rows: list[dict[str, Any]]) -> dict[str, object]:
    return {"study": STUDY, "auditor": auditor, "parameters": dict(parameters), "opinions": rows}
