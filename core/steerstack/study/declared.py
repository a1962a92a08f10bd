"""Studies as files: typed declarations in YAML, one a file."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from steerstack.asking import ScoreMode
from steerstack.errors import StudyError, nearest
from steerstack.study.techniques import Technique, technique


class Named(BaseModel):
    """A method by name, with its parameters beside it: ``{name: lora-sft, epochs: 2}``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything beside the name."""
        return dict(self.model_extra or {})


class Declared(BaseModel):
    """What every study states: the model, the data, how items are scored.

    Attributes
    ----------
    model, revision, dtype, device:
        As of ``--model`` and its companions.
    data, behavior, matching, limit:
        As of ``--data`` and its companions.
    score, tokens, seed:
        How items are scored, which tokens are edited, and the seed of splits and training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "smollm2"
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None
    data: str
    behavior: str | None = None
    matching: str | None = None
    limit: int | None = Field(None, ge=1)
    score: ScoreMode = "text"
    tokens: str = "response"
    seed: int = 0


class SweepFile(Declared):
    """One vector at several layers and strengths; extracted by ``method`` where no ``vector`` file is given."""

    study: Literal["sweep"]
    vector: str | None = None
    method: str | Named = "mean-difference"
    position: str | None = None
    layers: tuple[int, ...]
    scales: tuple[float, ...] = (-2.0, -1.0, 0.0, 1.0, 2.0)
    edit: str | Named | None = None
    transfer: bool = False


class StackFile(Declared):
    """A vector on top of prompts and of fine-tunes."""

    study: Literal["stack"]
    method: str | Named = "mean-difference"
    position: str = "response"
    finetunes: tuple[str | Named, ...] = ("lora-sft",)
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2, 0.4)
    nulls: int = Field(5, ge=0)


class _OfTechniques(Declared):
    techniques: tuple[str | Named, ...]
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2)
    matched_kl: float | None = Field(None, gt=0)
    position: str | None = None

    def made(self) -> list[Technique]:
        """The techniques, each with its parameters."""
        options = {
            "position": self.position,
            "tokens": self.tokens,
            "layers": self.layers,
            "shares": self.shares,
            "kl": self.matched_kl,
        }
        return [technique(named(one).name, named(one).parameters, **options) for one in self.techniques]


class EfficiencyFile(_OfTechniques):
    """Every technique with n labelled items."""

    study: Literal["efficiency"]
    sizes: tuple[int, ...] = (4, 16, 64)
    seeds: int = Field(5, ge=1)
    noise: tuple[float, ...] = (0.0,)


class Shift(BaseModel):
    """How the two domains differ: exactly one of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: bool = False
    topic: tuple[str, ...] = ()
    system: str | None = None
    data: str | None = None


class GeneralizeFile(_OfTechniques):
    """Every technique trained on one kind of item and tested on another."""

    study: Literal["generalize"]
    shift: Shift = Shift(margin=True)


StudyFile = Annotated[SweepFile | StackFile | EfficiencyFile | GeneralizeFile, Field(discriminator="study")]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(StudyFile)
KINDS: dict[str, type[Declared]] = {
    "sweep": SweepFile,
    "stack": StackFile,
    "efficiency": EfficiencyFile,
    "generalize": GeneralizeFile,
}


def named(method: str | Named) -> Named:
    """A method that may be given by its bare name."""
    return Named(name=method) if isinstance(method, str) else method


def load_study(path: Path) -> SweepFile | StackFile | EfficiencyFile | GeneralizeFile:
    """Read a study file.

    Raises
    ------
    StudyError
        It is missing, not YAML, of no known study, or has a field that is unknown or does not fit.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StudyError(f"{path} cannot be read as YAML.", seen=str(error).splitlines()[0]) from error
    if not isinstance(value, dict) or value.get("study") not in KINDS:
        found = value.get("study") if isinstance(value, dict) else type(value).__name__
        raise StudyError(f"{path} declares no known study.", seen=f"study: {found}", fix=nearest(str(found), KINDS))
    return declare(value, str(path))


def declare(value: dict[str, Any], source: str = "the study") -> Any:
    """A declaration from plain values; raises StudyError."""
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"][1:]]
        field = ".".join(place)
        if first["type"] == "extra_forbidden":
            raise StudyError(
                f"{source} has an unknown field {field!r}.", fix=nearest(place[-1], KINDS[value["study"]].model_fields)
            ) from error
        raise StudyError(
            f"The field {field!r} of {source} does not fit.", seen=f"{first.get('input')!r}: {first['msg']}"
        ) from error
