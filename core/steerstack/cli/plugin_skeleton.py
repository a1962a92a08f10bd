"""A plugin package that works and passes its tests as written, to begin from."""

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from steerstack import __version__
from steerstack.errors import SteerstackError

_FILES = {
    "pyproject.toml.jinja": "pyproject.toml",
    "README.md.jinja": "README.md",
    "module.py.jinja": "src/{module}/__init__.py",
    "test_module.py.jinja": "tests/test_{module}.py",
}


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write the package of a new plugin.

    Parameters
    ----------
    name:
        Name of the distribution, such as ``my-lab-steering``.
    folder:
        Where the package's own folder is made.

    Returns
    -------
    list[Path]
        The files written.

    Raises
    ------
    SteerstackError
        The name is no name of a distribution, or the folder is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise SteerstackError(
            f"{name!r} is no name for a package.", fix="Use lower-case words with hyphens, such as my-lab-steering."
        )
    place = folder / name
    if place.exists():
        raise SteerstackError(f"{place} is there already.", fix="Choose another name: nothing is overwritten.")
    module = name.replace("-", "_")
    words = {
        "package": name,
        "module": module,
        "method": "median-difference",
        "class_name": "MedianDifference",
        "version": __version__,
    }
    pages = Environment(
        loader=PackageLoader("steerstack", "templates/plugin"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    paths = []
    for template, path in _FILES.items():
        target = place / path.format(module=module)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(pages.get_template(template).render(words), encoding="utf-8")
        paths.append(target)
    return paths
