"""Studies as files: typed declarations in YAML, one a file."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from steerstack.asking import ScoreMode
from steerstack.errors import StudyError, first_line, nearest
from steerstack.study.named import Named, named
from steerstack.study.stacking import Stacking
from steerstack.study.techniques import Technique, technique
from steerstack.study.unrelated import null_techniques


class Declared(BaseModel):
    """What every study states: the model, the data, how items are scored.

    Attributes
    ----------
    model, revision, dtype, device, remote:
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
    remote: str | None = None
    data: str
    behavior: str | None = None
    matching: str | None = None
    limit: int | None = Field(None, ge=1)
    score: ScoreMode = "text"
    tokens: str = "response"
    seed: int = 0


class SweepFile(Declared):
    """One vector at several layers and strengths.

    Where no ``vector`` file is given it is found on the training items of the data, and swept over the others.

    Attributes
    ----------
    vector:
        Its file; None to find it by ``method``.
    method, position:
        The extractor, and where it reads (None for the method's own).
    layers, scales:
        Every layer is tried with every multiplier.
    edit:
        How the vector acts; None for the way its method asks for.
    transfer:
        Allow a vector that was made from other weights.
    nulls:
        Number of random vectors of the same norm, at every layer and strength.
    """

    study: Literal["sweep"] = "sweep"
    vector: str | None = None
    method: str | Named = "mean-difference"
    position: str | None = None
    layers: tuple[int, ...]
    scales: tuple[float, ...] = (-2.0, -1.0, 0.0, 1.0, 2.0)
    edit: str | Named | None = None
    transfer: bool = False
    nulls: int = Field(1, ge=0)


class Together(BaseModel):
    """Another vector that is tried together with a study's own: a file, or found from data by a method.

    Attributes
    ----------
    name:
        How results call it.
    vector:
        Its file, or ``models:/...``; None to find it now.
    method, data:
        By what, and from which data: the study's own for None.
    edit:
        How it acts; None for the way its method asks for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    vector: str | None = None
    method: str | Named | None = None
    data: str | None = None
    edit: str | None = None


class StackFile(Declared):
    """A vector on top of prompts, of demonstrations, of fine-tunes, and of other vectors.

    Attributes
    ----------
    method, position:
        The extractor, and where it reads.
    finetunes:
        Baselines to stack with; none for an empty list.
    layers, shares:
        Candidates: layers (None for six in the middle), and added norm as a share of the residual stream's.
    nulls:
        Number of random and of shuffled-label vectors, and the most of unrelated behaviours.
    few_shot:
        Whether demonstrations are a level of the prompt, or the baseline that makes them.
    together:
        Other vectors, each a file or described.
    matched_kl:
        Instead of ``shares``, one strength a layer: the one that costs this KL per token.
    """

    study: Literal["stack"] = "stack"
    method: str | Named = "mean-difference"
    position: str = "response"
    finetunes: tuple[str | Named, ...] = ("lora-sft",)
    few_shot: bool | str | Named = True
    together: tuple[str | Together, ...] = ()
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2, 0.4)
    matched_kl: float | None = Field(default=None, gt=0)
    nulls: int = Field(5, ge=0)

    def stacking(self, behavior: str) -> Stacking:
        """The study itself."""
        return Stacking(
            behavior, self.score, self.position, self.tokens, self.layers, self.shares, self.nulls, self.seed,
            self.limit, self.matched_kl,
        )  # fmt: skip


class _OfTechniques(Declared):
    """What studies of several techniques share.

    Attributes
    ----------
    techniques:
        Extractors and baselines, by name or with parameters.
    layers, shares:
        Candidates of vectors: layers (None for three in the middle), and added norm as a share of the residual
        stream's.
    matched_kl:
        Instead of ``shares``, one strength a layer: the one that costs this KL per token.
    position:
        Where vectors are read; None for each method's own.
    nulls:
        Whether vectors that know nothing of the behaviour go through the same pipeline.
    """

    techniques: tuple[str | Named, ...]
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2)
    matched_kl: float | None = Field(None, gt=0)
    position: str | None = None
    nulls: bool = True

    def made(self, behavior: str) -> list[Technique]:
        """The techniques, each with its parameters; and the null ones, which know nothing of the behaviour."""
        options = {
            "position": self.position,
            "tokens": self.tokens,
            "layers": self.layers,
            "shares": self.shares,
            "kl": self.matched_kl,
        }
        real = [technique(named(one).name, named(one).parameters, **options) for one in self.techniques]
        return [*real, *(null_techniques(behavior, **options) if self.nulls else ())]


class EfficiencyFile(_OfTechniques):
    """Every technique with n labelled items.

    Attributes
    ----------
    sizes:
        Numbers of labelled items, those for choices included.
    seeds:
        Number of seeds: each is another order of the training items.
    noise:
        Shares of flipped labels.
    """

    study: Literal["efficiency"]
    sizes: tuple[int, ...] = (4, 16, 64)
    seeds: int = Field(5, ge=1)
    noise: tuple[float, ...] = (0.0,)


class FrontierFile(_OfTechniques):
    """Every technique's effect against what it costs, with vectors held at equal KL; ``shares`` play no part.

    Attributes
    ----------
    budgets:
        KL per token (nats) on neutral text at which vectors are held.
    knowledge:
        Number of questions of general knowledge that measure the cost; 0 for none.
    """

    study: Literal["frontier"]
    budgets: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3)
    knowledge: int = Field(60, ge=0)


class Shift(BaseModel):
    """How the two domains differ, which is exactly one of these.

    Attributes
    ----------
    margin:
        Hard are the items that the unsteered model leans away from.
    topic, above:
        Hard are the items of these topics, or those whose topic is a number (a grade, a count of steps) above this.
    system, user:
        The target is the same items under a system prompt, or with these words before the question.
    data:
        The target is another data set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: bool = False
    topic: tuple[str, ...] = ()
    above: float | None = None
    system: str | None = None
    user: str | None = None
    data: str | None = None


class GeneralizeFile(_OfTechniques):
    """Every technique trained on one kind of item and tested on another.

    Attributes
    ----------
    shift:
        How the two kinds differ.
    """

    study: Literal["generalize"]
    shift: Shift = Shift(margin=True)


StudyFile = Annotated[
    SweepFile | StackFile | EfficiencyFile | GeneralizeFile | FrontierFile, Field(discriminator="study")
]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(StudyFile)
KINDS: dict[str, type[Declared]] = {
    "sweep": SweepFile,
    "stack": StackFile,
    "efficiency": EfficiencyFile,
    "generalize": GeneralizeFile,
    "frontier": FrontierFile,
}


def load_study(path: Path) -> SweepFile | StackFile | EfficiencyFile | GeneralizeFile | FrontierFile:
    """Read a study file.

    Raises
    ------
    StudyError
        It is missing, not YAML, of no known study, or has a field that is unknown or does not fit.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StudyError(f"{path} cannot be read as YAML.", seen=first_line(error)) from error
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
