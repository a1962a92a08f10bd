"""Load a vector from wherever it is: a file, a vector folder, the registry."""

import os
from pathlib import Path

from steerstack.catalog.recorder import recorder as recorder
from steerstack.exchange import vector_folder
from steerstack.steering.vector import SteeringVector


def load_vector(source: str | Path, *, tracking_uri: str | None = None) -> SteeringVector:
    """A vector from a file, from the registry, or from a vector folder.

    The registry's are ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``; folders are ``hf://OWNER/NAME``
    or any other fsspec address, and their checksums are verified.

    Raises
    ------
    VectorError
        The file is missing or no vector.
    RegistryError
        There is no such registered vector, or the store cannot be reached.
    """
    if str(source).startswith("models:/"):
        return recorder().load_vector(str(source), tracking_uri=tracking_uri)
    if vector_folder.is_address(str(source)):
        return vector_folder.load(str(source))
    if os.path.isdir(source):
        return vector_folder.read_folder(Path(source), str(source))
    return SteeringVector.load(source)
