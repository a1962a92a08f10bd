"""A programme of claims: one file a claim, which says what is expected before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steerstack.errors import StudyError
from steerstack.study.study_file import declare
from steerstack.util import digest
from steerstack.util.yaml_file import read_yaml

if TYPE_CHECKING:
    from steerstack.study.study import Study


ANSWERED = ("stack", "efficiency", "generalize", "label-errors", "online-rl")
"""Kinds of study whose answer can be computed anew from their items."""


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
        if study.name not in ANSWERED:
            raise StudyError(
                f"No page can be built of {source}.",
                seen=f"study: {study.name}",
                fix=f"Declare a study of one of these kinds: {', '.join(ANSWERED)}.",
            )
        return study


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
