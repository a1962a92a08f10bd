"""Vector folders: one vector with its card, provenance, effects and checksums, on the hub or any fsspec path.

====================== =========================================================================
``vector.safetensors`` the vector
``README.md``          its card; on the Hugging Face hub the page of the repository
``provenance.json``    the vector's header, its fingerprint, and where it was registered
``effects.json``       effects by name: value, interval, n, data digest
``SHA256SUMS``         digests of the others, as ``sha256sum --check`` reads them
====================== =========================================================================
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.errors import VectorError, first_line
from steerstack.util import digest
from steerstack.util.files import write_atomically, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.steering.vector import SteeringVector

VECTOR, CARD, PROVENANCE, EFFECTS, SUMS = (
    "vector.safetensors", "README.md", "provenance.json", "effects.json", "SHA256SUMS",
)  # fmt: skip
FILES = (VECTOR, CARD, PROVENANCE, EFFECTS)
HUB = "hf://"


def is_address(source: str) -> bool:
    """Whether it names a place that fsspec opens, such as ``hf://OWNER/NAME`` or ``s3://BUCKET/FOLDER``."""
    return re.match(r"[a-z][a-z0-9+.-]*://", source) is not None


def write_folder(vector: SteeringVector, folder: Path, about: Mapping[str, Any]) -> None:
    """Write a vector folder.

    Parameters
    ----------
    about:
        What is known of the vector beyond its file, as ``show_vector`` gives it: ``card``, ``effects`` and facts.
    """
    from steerstack import __version__
    from steerstack.report.card import vector_card

    vector.save(folder / VECTOR)
    facts = {key: value for key, value in about.items() if key not in ("card", "effects")}
    whole = {"steerstack": __version__, "fingerprint": vector.fingerprint, "header": vector.header(), "registry": facts}
    write_json(folder / PROVENANCE, whole)
    write_json(folder / EFFECTS, about.get("effects", {}))
    write_atomically(folder / CARD, _front(vector) + str(about.get("card") or vector_card(vector)) + "\n")
    sums = "".join(f"{digest.of_file(folder / name)}  {name}\n" for name in FILES)
    write_atomically(folder / SUMS, sums)


def _front(vector: SteeringVector) -> str:
    """The head of the card that the hub reads."""
    fields = {"library_name": "steerstack", "tags": ["steering-vector", vector.origin.behavior]}
    if "/" in vector.origin.model_name and not Path(vector.origin.model_name).is_absolute():
        fields["base_model"] = vector.origin.model_name
    return "---\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items()) + "---\n\n"


def read_folder(folder: Path, shown: str) -> SteeringVector:
    """Read a vector folder whose checksums hold; ``shown`` is what errors call it.

    Raises
    ------
    VectorError
        A file is missing or is not the one that was written, or the folder holds no vector.
    """
    from steerstack.steering.vector import SteeringVector

    if not (folder / SUMS).is_file():
        raise VectorError(
            f"{shown} is no vector folder.", seen=f"no {SUMS}", fix="`steerstack vectors push` makes one."
        )
    lines = [line.split("  ", 1) for line in (folder / SUMS).read_text("utf-8").splitlines()]
    sums = {parts[1]: parts[0] for parts in lines if len(parts) == 2}
    for name in FILES:
        checksum = digest.of_file(folder / name) if (folder / name).is_file() else "no file"
        if checksum != sums.get(name):
            raise VectorError(
                f"{name} of {shown} is not the one that was pushed.",
                seen=f"SHA-256 {checksum[:12]}, recorded {sums.get(name, 'none')[:12]}",
                fix="It was changed or damaged on the way: fetch it again, or ask for it to be pushed again.",
            )
    return SteeringVector.load(folder / VECTOR)


def push(vector: SteeringVector, place: str, about: Mapping[str, Any], *, private: bool = False) -> str:
    """Write a vector folder to ``hf://OWNER/NAME``, to any other fsspec address, or to a folder; returns where.

    Raises
    ------
    VectorError
        The place cannot be written.
    """
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare) / "vector"
        write_folder(vector, folder, about)
        try:
            _to_hub(folder, place, private) if place.startswith(HUB) else _to_path(folder, place)
        except (OSError, ValueError, ImportError) as error:  # the hub's and fsspec's errors are among these
            raise VectorError(
                f"{place} cannot be written.", seen=first_line(error)[:300],
                fix="Check the address and your access (on the hub `hf auth login`); s3 and others need a package.",
            ) from error  # fmt: skip
    return place


def pull(place: str, folder: Path) -> SteeringVector:
    """Fetch a vector folder and check it.

    Raises
    ------
    VectorError
        The place cannot be read, or a checksum does not hold.
    """
    import fsspec

    folder.mkdir(parents=True, exist_ok=True)
    try:
        filesystem, path = fsspec.core.url_to_fs(place)
        for name in (SUMS, *FILES):
            (folder / name).write_bytes(filesystem.cat_file(f"{path.rstrip('/')}/{name}"))
    except (OSError, ValueError, ImportError) as error:
        raise VectorError(
            f"No vector folder can be read from {place}.", seen=first_line(error)[:300],
            fix="Check the address, the network and your access; s3, gs and others need a package of their own.",
        ) from error  # fmt: skip
    return read_folder(folder, place)


def load(place: str) -> SteeringVector:
    """The vector of a vector folder, its checksums verified."""
    with tempfile.TemporaryDirectory() as folder:
        return pull(place, Path(folder))


def _to_path(folder: Path, place: str) -> None:
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(place)
    filesystem.makedirs(path, exist_ok=True)
    for name in (*FILES, SUMS):  # the sums last: a folder that was cut short is none
        filesystem.pipe_file(f"{path.rstrip('/')}/{name}", (folder / name).read_bytes())


def _to_hub(folder: Path, place: str, private: bool) -> None:
    """One commit of the whole folder; the repository is made if it is not there."""
    from huggingface_hub import HfApi

    owner, _, rest = place.removeprefix(HUB).partition("/")
    name, _, inside = rest.partition("/")
    if not (owner and name):
        raise ValueError(f"{place} does not name a repository; write hf://OWNER/NAME or hf://OWNER/NAME/FOLDER")
    api = HfApi()
    api.create_repo(f"{owner}/{name}", private=private, exist_ok=True)
    api.upload_folder(
        repo_id=f"{owner}/{name}",
        folder_path=folder,
        path_in_repo=inside or None,
        commit_message="Push steering vector",
    )
