"""What ``steerstack doctor`` looks at."""

import importlib.metadata
import platform
from collections.abc import Callable
from typing import Any

from steerstack import __version__
from steerstack.catalog.manager import plugins
from steerstack.trace.embedded_model import EMBEDDED
from steerstack.util.folders import cache_folder, home

PACKAGES = ("torch", "transformers", "nnsight", "mlflow", "peft", "pluggy", "safetensors")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads"


def _embedded() -> str:
    folder = cache_folder() / "models" / f"{EMBEDDED.name}-{EMBEDDED.sha256[:12]}"
    return f"ready in {folder}" if (folder / "config.json").exists() else "made on first use"


def _store(tracking_uri: str | None) -> str:
    recorders = plugins().offers("recorder")
    if not recorders:
        raise RuntimeError("no recorder is installed")
    return next(iter(recorders.values()))().check(tracking_uri=tracking_uri)


def report(tracking_uri: str | None = None) -> dict[str, Any]:
    """Every check, with what was found and whether it is as it should be."""
    checks: list[dict[str, Any]] = []

    def check(what: str, find: Callable[[], str], *, bad: Callable[[str], bool] = lambda _: False) -> None:
        try:
            text = find()
            checks.append({"what": what, "found": text, "ok": not bad(text)})
        except Exception as error:  # a doctor reports whatever is wrong
            checks.append({"what": what, "found": f"{type(error).__name__}: {error}", "ok": False})

    check("steerstack", lambda: __version__)
    check("python", platform.python_version)
    for package in PACKAGES:
        check(package, lambda p=package: _version(p), bad=lambda version: version == "not installed")  # type: ignore[misc]
    check("device", _device)
    check("home", lambda: str(home()))
    check("embedded model", _embedded)
    check("tracking store", lambda: _store(tracking_uri))
    checks.extend(
        {"what": f"plugin {plugin.name}", "found": f"{plugin.package}: {plugin.cause}", "ok": False}
        for plugin in plugins().failed
    )
    check("plugins", lambda: f"{len(plugins().loaded) - len(plugins().failed)} loaded")
    return {"ok": all(entry["ok"] for entry in checks), "checks": checks}
