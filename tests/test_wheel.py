"""The wheel: the three packages and nothing else, with types, data and metadata."""

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"steerstack": "core", "steerstack_plugins": "plugins", "steerstack_registry": "registry"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of what is needed for it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy)
    for package, root in PACKAGES.items():
        shutil.copytree(ROOT / root / package, copy / root / package)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", folder, copy], check=True)
    (built,) = folder.glob("steerstack-*-py3-none-any.whl")
    with zipfile.ZipFile(built) as file:
        yield file


def test_it_holds_every_file_of_the_packages_and_no_other(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(ROOT / root).as_posix()
        for package, root in PACKAGES.items()
        for path in (ROOT / root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == wanted
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_its_metadata_say_what_it_is(wheel):
    (place,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(wheel.read(place))
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("steerstack", "0.1.0", ">=3.11")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert "What does this steering vector improve" in metadata.get_payload()
    folder = place.removesuffix("METADATA")
    assert f"{folder}licenses/LICENSE" in wheel.namelist()
    points = wheel.read(f"{folder}entry_points.txt").decode()
    assert "steerstack = steerstack.cli:main" in points
    assert "[steerstack]" in points
