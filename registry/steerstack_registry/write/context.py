"""Tags on every run that MLflow makes in a process that uses steerstack.

MLflow loads this module whenever it is imported, so it imports neither steerstack nor torch:
it looks at what is loaded already.
"""

import functools
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys

from mlflow.tracking.context.abstract_context import RunContextProvider

_PACKAGES = ("torch", "transformers", "nnsight")
_GIT_SECONDS = 30.0
"""After which git is not waited for: the status of a large checkout takes seconds, a network disk may hang."""


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


@functools.cache
def _git(folder: str, *command: str) -> str:
    """What git says, without its last line break; empty where there is no git, no checkout, or no answer."""
    try:
        process = subprocess.run(
            ["git", "-C", folder, *command], capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return process.stdout.strip()


def _commit(name: str, folder: str) -> dict[str, str]:
    """The commit of a folder's checkout, and whether files that it tracks differ from it."""
    commit = _git(folder, "rev-parse", "HEAD") if folder else ""
    changes = commit and _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {f"{name}_commit": commit, f"{name}_changed": "true" if changes else ""}


def _own_folder() -> str:
    """Where steerstack itself is, if that is in a checkout of its own (not in a venv inside one)."""
    file = str(getattr(sys.modules.get("steerstack"), "__file__", None) or "")
    folder = os.path.dirname(file)
    return folder if file and _git(folder, "ls-files", os.path.basename(file)) else ""


def _device() -> str:
    torch = sys.modules.get("torch")
    if torch is None:
        return ""
    try:
        return f"cuda: {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"
    except Exception:  # a broken driver is no reason not to record
        return "unknown"


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # the folder was removed
        return ""


def _command() -> str:
    """The command line that runs, as it could be typed again; empty where Python was not started by one of ours."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    if name == "__main__.py" and "steerstack" in sys.argv[0]:
        name = "steerstack"
    if name != "steerstack":
        return ""
    return shlex.join([name, *map(_public, sys.argv[1:])])


def _public(word: str) -> str:
    """A word of a command line without the password of a store's address, as it is or after an equals sign."""
    from steerstack.address import public_address

    begin = word.rfind("=", 0, max(word.find("://"), 0)) + 1
    return word[:begin] + public_address(word[begin:])


class SteerstackContext(RunContextProvider):  # type: ignore[misc,unused-ignore]
    """Versions, device and commit, where steerstack is in use."""

    def in_context(self) -> bool:
        """Whether this process has imported steerstack."""
        return "steerstack" in sys.modules

    def tags(self) -> dict[str, str]:
        """What ran, as tags ``steerstack.*``; what is not known is left out."""
        tags = {
            "version": str(getattr(sys.modules.get("steerstack"), "__version__", "")),
            **{package: _version(package) for package in _PACKAGES},
            "python": platform.python_version(),
            "device": _device(),
            **_commit("git", _folder()),
            **_commit("own", _own_folder()),
            "command": _command(),
        }
        return {f"steerstack.{name}": value for name, value in tags.items() if value}
