"""Verdicts on disk: what a judge has said once is not asked again."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from steerstack.contracts import Verdict
from steerstack.util.folders import cache_folder
from steerstack.util.json_cache import Kept


class VerdictCache:
    """Verdicts by key.

    Parameters
    ----------
    path:
        The file; None for :func:`verdict_file`.

    Raises
    ------
    StudyError
        The file cannot be read or written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or verdict_file()
        self._kept = Kept(self.path)

    def get(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """The verdicts that are there."""
        return {key: Verdict(*parts) for key, parts in self._kept.get(keys).items()}

    def put(self, verdicts: Mapping[str, Verdict]) -> None:
        """Keep verdicts, all of them or none; one that is there already stays as it is."""
        self._kept.put({key: [verdict.score, verdict.raw, verdict.tokens] for key, verdict in verdicts.items()})

    def __len__(self) -> int:
        return len(self._kept)


def verdict_file() -> Path:
    """``verdicts.sqlite`` in the user's cache."""
    return cache_folder() / "verdicts.sqlite"
