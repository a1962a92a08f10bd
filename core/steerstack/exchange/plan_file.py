"""Plan files: which vectors act, where and how strongly, written down in YAML.

::

    edits:
      - vector: sycophancy.safetensors   # relative to the plan file's folder
        layer: 14                        # or layers: [10, 14], or layers: all
        scale: 2.0
        edit: add                        # the vector's own edit where it is left out
        parameters: {relative: true}
        tokens: response                 # or prompt, last, all, or positions: [0, -1]
        transfer: false                  # allow a vector that was made from other weights

Edits are applied in the order of the file. Harnesses read their plan from such a file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from steerstack.catalog.lookup import find
from steerstack.errors import DataError, SteerstackError, nearest
from steerstack.steering.intervention import Plan
from steerstack.steering.origin import TRANSFER
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply_all
from steerstack.util.files import write_atomically
from steerstack.util.yaml_file import Document, read_yaml

if TYPE_CHECKING:
    from steerstack.trace.model import Model


def known_tokens(text: str) -> str:
    """A selection of tokens as it is usually written; raises ValueError where there is none of that name."""
    try:
        return str(Tokens.parse(text))
    except SteerstackError as error:
        raise ValueError(f"{error.happened} {error.fix}") from error


class PlannedEdit(BaseModel):
    """One entry of a plan file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    vector: str = Field(min_length=1, description="Vector file, relative to the plan file's folder.")
    layer: int | None = Field(None, ge=0, description="The layer at which it acts.")
    layers: tuple[int, ...] | Literal["all"] | None = Field(None, description="Several layers, or all it has.")
    scale: float = Field(1.0, description="Strength: the multiplier of an addition, 1 for a whole ablation.")
    edit: str | None = Field(None, description="Name of the edit; None for the vector's own.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Parameters of the edit.")
    tokens: Annotated[str, AfterValidator(known_tokens)] = Field(
        "response", description="Which tokens: a selection, or positions."
    )
    transfer: bool = Field(False, description=TRANSFER)

    @field_validator("tokens", mode="before")
    @classmethod
    def _positions(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return ",".join(map(str, value)) if isinstance(value, list | tuple) and value else value

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if (self.layer is None) == (self.layers is None):
            raise ValueError("give either layer: L, or layers: [L, ...], or layers: all")
        if self.layers == ():
            raise ValueError("layers is empty")
        return self

    def plan(self, model: Model, folder: Path) -> Plan:
        """The plan of this entry, for a model; raises as :func:`load_plan` does."""
        vector = SteeringVector.load(folder / self.vector)
        model.check_vector(vector, transfer=self.transfer)
        layers = (self.layer,) if self.layer is not None else self.layers
        selection = None if layers is None or layers == "all" else [int(layer) for layer in layers]
        edit = find("edit", self.edit or vector.edit).make(self.parameters)
        return apply_all(vector, selection, self.scale, tokens=Tokens.parse(self.tokens), edit=edit)


class PlanFile(BaseModel):
    """What a plan file holds. An empty list of edits is the unsteered model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edits: tuple[PlannedEdit, ...]


def read_plan_file(path: Path | str) -> PlanFile:
    """Read and check a plan file, without a model and without opening its vectors.

    Raises
    ------
    DataError
        The file is missing or no YAML of a reasonable shape, a key is unknown or given twice, or a value does
        not fit; line and key are named.
    """
    return _read(Path(path))[0]


def load_plan(path: Path | str, model: Model) -> Plan:
    """The plan that a plan file describes, for a model.

    Parameters
    ----------
    path:
        The YAML file; vectors are looked for relative to its folder.
    model:
        The model that is to run it: vectors and sites are checked against it.

    Raises
    ------
    DataError
        The file is no plan file.
    VectorError, SiteError, ModelError, PluginError
        A vector cannot be read, has no such layer, does not fit the model, or its edit is unknown or refuses
        its parameters. The line of the entry is named.
    """
    path = Path(path)
    content, document = _read(path)
    plan = Plan()
    for index, entry in enumerate(content.edits):
        try:
            part = entry.plan(model, path.parent)
            model.check_plan(part)
        except SteerstackError as error:
            where = f"{path}, line {document.line(('edits', index))}"
            raise type(error)(f"{where}: {error.happened}", seen=error.seen, fix=error.fix) from error
        plan = plan >> part
    return plan


def dump_plan(edits: Sequence[PlannedEdit], path: Path | str) -> None:
    """Write a plan file, whole or not at all; :func:`read_plan_file` gives the same edits back.

    A :class:`steerstack.Plan` holds tensors, not the files they came from, so a plan file is written from
    entries. Paths of vectors that are absolute are written relative to the plan file's folder.
    """
    path = Path(path)
    folder = path.absolute().parent
    rows = []
    for entry in edits:
        row = entry.model_dump(mode="json", exclude_defaults=True)
        if os.path.isabs(entry.vector):
            row["vector"] = Path(os.path.relpath(entry.vector, folder)).as_posix()
        rows.append(row)
    write_atomically(path, yaml.safe_dump({"edits": rows}, sort_keys=False, allow_unicode=False))


def _read(path: Path) -> tuple[PlanFile, Document]:
    document = read_yaml(path, DataError, fix="A plan file begins with `edits:`.")
    try:
        return PlanFile.model_validate(document.value), document
    except ValidationError as error:
        raise _refusal(path, document, error) from error


def _refusal(path: Path, document: Document, error: ValidationError) -> DataError:
    first = error.errors()[0]
    loc = first["loc"][:3]  # deeper parts name alternatives of a type, not keys of the file
    where = f"{path}, line {document.line(loc)}"
    keys = PlannedEdit.model_fields if len(loc) > 1 else PlanFile.model_fields
    key = ".".join(map(str, loc)) or "the file"
    if first["type"] == "extra_forbidden":
        return DataError(f"{where}: there is no key {str(loc[-1])!r}.", seen=key, fix=nearest(str(loc[-1]), keys))
    if first["type"] == "missing":
        return DataError(f"{where}: {str(loc[-1])!r} is missing.", seen=key, fix=f"Add `{loc[-1]}:`.")
    return DataError(
        f"{where}: {key} does not fit.",
        seen=f"{first.get('input')!r}"[:200],
        fix=first["msg"].removeprefix("Value error, "),
    )
