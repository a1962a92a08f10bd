"""Published evaluation sets, by name: from a local mirror, or fetched once from where they are published.

Every file is pinned to a commit and checked by its SHA-256. ``STEERSTACK_DATA`` names a local
mirror, a folder that holds the files under the same names; nothing of it is copied.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from steerstack.errors import DataError, first_line, nearest
from steerstack.util import digest
from steerstack.util.folders import cache_folder

MIRROR = "STEERSTACK_DATA"


@cache
def published() -> dict[str, dict[str, Any]]:
    """Name of each file to its url, sha256, size in bytes, licence and source."""
    return json.loads((files("steerstack.catalog") / "published.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def at_hand(name: str) -> Path | None:
    """The file in the mirror or in the cache, if it is there."""
    mirror = os.environ.get(MIRROR)
    places = [Path(mirror)] if mirror else []
    return next((p / name for p in [*places, _cache()] if (p / name).is_file()), None)


def fetch(name: str, known: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """A published file, fetched if it is not at hand.

    Parameters
    ----------
    name:
        As :func:`published` has it, such as ``caa/test/sycophancy/test_dataset_ab.json``.
    known:
        Other sets, in the form of :func:`published`; None for those.

    Raises
    ------
    DataError
        There is no such file, it cannot be fetched, or it is not the one that was pinned.
    """
    known = published() if known is None else known
    if name not in known:
        raise DataError(f"No published set is called {name!r}.", fix=nearest(name, known))
    there = at_hand(name)
    if there is not None:
        checksum = digest.of_file(there)
        if checksum != known[name]["sha256"]:
            raise DataError(
                f"{there} is not the published file.",
                seen=f"sha256 {checksum[:12]}..., published {known[name]['sha256'][:12]}...",
                fix=f"Remove it, or take {MIRROR} away, to fetch it again.",
            )
        return there
    return _download(name, known[name]["url"], known[name]["sha256"])


def _cache() -> Path:
    return cache_folder() / "published"


def _download(name: str, url: str, sha256: str) -> Path:
    import pooch

    target = _cache() / name
    try:
        pooch.retrieve(url, f"sha256:{sha256}", fname=target.name, path=target.parent, progressbar=False)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong hash is a ValueError
        raise DataError(
            f"{name} could not be fetched.",
            seen=f"{url}: {first_line(error)}",
            fix=f"Try again with a network, or set {MIRROR} to a folder that holds it.",
        ) from error
    return target
