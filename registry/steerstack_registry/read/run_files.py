"""The files of a run in the artifact store: whether they are as they were recorded, and what they hold."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from steerstack.errors import RegistryError, first_line
from steerstack.util import digest
from steerstack_registry.access import names

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient


class RunFiles:
    """What a run keeps in the artifact store.

    Parameters
    ----------
    client, run_id:
        The store and the run in it.
    folder:
        Where files are fetched to.
    """

    def __init__(self, client: MlflowClient, run_id: str, folder: Path) -> None:
        self._client, self._run_id, self._folder = client, run_id, folder

    @cached_property
    def names(self) -> set[str]:
        """Paths of all files that are there now."""
        paths, todo = set[str](), [""]
        while todo:
            for entry in self._client.list_artifacts(self._run_id, todo.pop() or None):
                if entry.is_dir:
                    todo.append(entry.path)
                else:
                    paths.add(entry.path)
        return paths

    def lost(self) -> list[str] | None:
        """What was deleted or changed since it was recorded, in words; None where no list of the files was kept."""
        checksum = self._client.get_run(self._run_id).data.tags.get(names.CHECKSUMS_ID)
        if checksum is None:
            return None
        if names.CHECKSUMS not in self.names:
            return [f"{names.CHECKSUMS} is missing"]
        sums = self._fetch(names.CHECKSUMS)
        if digest.of_file(sums) != checksum:
            return [f"{names.CHECKSUMS} was changed"]
        digests: dict[str, str] = json.loads(sums.read_text(encoding="utf-8"))
        missing = [f"{name} is missing" for name in digests if name not in self.names]
        there = (name for name in digests if name in self.names)
        return missing + [f"{name} was changed" for name in there if digest.of_file(self._fetch(name)) != digests[name]]

    def json(self, name: str) -> dict[str, Any] | None:
        """The JSON object of a file; None where there is none.

        Raises
        ------
        RegistryError
            It is no JSON object any more.
        """
        if name not in self.names:
            return None
        try:
            content = json.loads(self._fetch(name).read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise TypeError(f"a {type(content).__name__}")
        except (ValueError, TypeError, RecursionError) as error:
            raise _unread(name, error) from error
        return content

    def frame(self, name: str) -> Any:
        """The data frame of a parquet file; None where there is none.

        Raises
        ------
        RegistryError
            It cannot be read any more.
        """
        if name not in self.names:
            return None
        import pandas as pd

        try:
            return pd.read_parquet(self._fetch(name))
        except (ValueError, OSError, KeyError) as error:  # pyarrow's errors are ValueErrors
            raise _unread(name, error) from error

    def _fetch(self, name: str) -> Path:
        from pathlib import Path

        return Path(self._client.download_artifacts(self._run_id, name, str(self._folder)))


def _unread(name: str, error: Exception) -> RegistryError:
    return RegistryError(
        f"{name} cannot be read: {type(error).__name__}: {first_line(error)}"[:300], fix="Something changed it."
    )
