"""A programme of claims: one file a claim, which says what is expected before anything is measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.errors import StudyError
from steerstack.study.study_file import declare
from steerstack.util import digest
from steerstack.util.yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.study.study import Study


class DeclaredClaim(BaseModel):
    """What a claim's file holds.

    Attributes
    ----------
    title:
        A heading.
    question:
        What is asked, in one sentence.
    expectation, because:
        What its authors expected before they measured, and why.
    minutes:
        How long it may take on two cores.
    study:
        The study, in the form of a study file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    question: str = Field(min_length=1)
    expectation: str = Field(min_length=1)
    because: str = Field(min_length=1)
    minutes: float = Field(gt=0)
    study: dict[str, Any]

    @property
    def digest(self) -> str:
        """The digest of what decides the numbers: the study alone."""
        return digest.of_json(self.study)

    def declared(self, source: str) -> Study:
        """The study.

        Raises
        ------
        StudyError
            It is no study, of a kind without pages, or names a server.
        """
        if self.study.get("remote"):
            raise StudyError(f"{source} names a server, and a claim is measured here.", seen=str(self.study["remote"]))
        study = declare(self.study, source)
        if not study.answers():
            kinds = [name for name in sorted(plugins().offers("study")) if find("study", name).answers()]
            raise StudyError(
                f"No page can be built of {source}: its kind of study has no answer that follows from items alone.",
                seen=f"study: {study.name}",
                fix=f"Declare a study of one of these kinds: {', '.join(kinds)}.",
            )
        return study


def subjects(claims: Mapping[str, DeclaredClaim]) -> dict[str, str]:
    """What each claim is about, by its name: its title up to a comma, or the whole of it where two are alike."""
    short = {name: claim.title.split(",")[0].lower() for name, claim in claims.items()}
    again = Counter(short.values())
    return {name: words if again[words] == 1 else claims[name].title for name, words in short.items()}


def load_programme(folder: Path) -> dict[str, DeclaredClaim]:
    """Every claim of a folder, by the name of its file.

    Raises
    ------
    StudyError
        The folder holds none, or a file is no claim.
    """
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise StudyError(f"{folder} holds no claim.", fix="Name the folder that holds them, one YAML file a claim.")
    return {path.stem: _load(path) for path in files}


def _load(path: Path) -> DeclaredClaim:
    value = read_yaml(path, StudyError, fix="Write title, question, expectation, because, minutes and study.").value
    try:
        claim = DeclaredClaim.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise StudyError(
            f"{path} is no claim.",
            seen=f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}",
            fix="Write title, question, expectation, because, minutes and study.",
        ) from error
    claim.declared(str(path))
    return claim
