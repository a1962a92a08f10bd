"""Study: a declared question with its arms, items, splits, seeds and estimands. The class is also its file form."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from steerstack.errors import StudyError, nearest
from steerstack.util.text import no_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from steerstack.contracts.recorder import Effect
    from steerstack.data.items import DataSet
    from steerstack.data.splits import Splits
    from steerstack.report.answer import Answer, ItemFrame
    from steerstack.run.arms import Request
    from steerstack.run.progress import Progress
    from steerstack.study.forecast import Forecast
    from steerstack.study.result import Result
    from steerstack.study.session import Session
    from steerstack.trace.model import Model

LARGEST_SEED = 2**31 - 1
"""Random generators of every library take it, with what is added to it for one null after the other."""


class Study(BaseModel, ABC):
    """A kind of study: its fields are the keys of its YAML file and the options of its command.

    A kind needs :meth:`steps` and :meth:`estimands`; one whose later steps depend on earlier results (a choice on
    validation items, say) overrides :meth:`perform` instead::

        class Doses(Study):
            '''Does the effect grow with the dose?'''

            name = "doses"

            layer: int = Field(default=14, ge=0, description="Where the vector acts.")
            doses: tuple[float, ...] = Field(default=(0.5, 1.0), description="Multipliers of the vector.")

            def steps(self, session):
                vector = session.extract("mean-difference")
                arms = [session.arm("bare")]
                arms += [session.arm(f"dose {dose:g}", vector.at(self.layer, dose)) for dose in self.doses]
                return {"doses": session.score(session.splits.test, arms)}

            def estimands(self, session, values):
                bare, *steered = values["doses"]
                return [session.effect(f"dose {d:g}", arm, bare) for d, arm in zip(self.doses, steered)]

    Returned by the hook ``steerstack_studies`` it has a file form (``steerstack run``), a command, a ledger, a page,
    a frame and a record in the registry.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    name: ClassVar[str]
    paper: ClassVar[str] = ""

    data: str = Field(description="Data file, or the name of a shipped behaviour.")
    behavior: str | None = Field(default=None, description="Name of the behaviour, where the file does not say.")
    matching: str | None = Field(
        default=None, description="'exhibits' or 'declines': what the file's matching answer does, where unknown."
    )
    limit: int | None = Field(default=None, ge=1, description="Use only the first N items.")
    model: str = Field(default="smollm2", description="Folder, Hugging Face id, or 'smollm2' for the embedded model.")
    revision: str | None = Field(default=None, description="Revision on the Hugging Face hub.")
    dtype: str | None = Field(default=None, description="float32, bfloat16, 8bit, ...; that of the weights by default.")
    device: str | None = Field(default=None, description="cpu, cuda or auto.")
    remote: str | None = Field(
        default=None,
        description="Server that holds the weights: http://HOST:PORT, or 'ndif'; its token in STEERSTACK_SERVE_TOKEN.",
    )
    template: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of the chat template, such as enable_thinking: false."
    )
    score: Literal["letter", "yes-no", "text"] = Field(
        default="text", description="How items are scored: letter, yes-no or text."
    )
    form: str | None = Field(
        default=None,
        description="Answer form of letter and yes-no, the label as A at its end: '(A', 'A', ' A', 'Answer: A', or any "
        "other; by default the best on validation and training items.",
    )
    reasoning: Literal["closed", "generated"] = Field(
        default="closed",
        description="Where the template opens a reasoning block: answers after an empty one (closed), or generated.",
    )
    tokens: str = Field(
        default="response",
        description="Tokens that are edited: all, prompt, response, think, answer, last, or positions.",
    )
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, description="Seed of splits, nulls and training.")

    @field_validator("data", "behavior", "matching", "model", "revision", "dtype", "device", "tokens")
    @classmethod
    def _are_names(cls, value: str | None) -> str | None:
        if value is not None and (why := no_name(value)):
            raise ValueError(f"this is no name or path: {why}")
        return value

    @field_validator("layers", "scales", "shares", "sizes", "noise", "budgets", check_fields=False)
    @classmethod
    def _are_different(cls, value: Sequence[float] | None) -> Sequence[float] | None:
        """Each is an arm: one that is there twice would count twice."""
        twice = sorted({one for one in value or () if list(value or ()).count(one) > 1})
        if twice:
            raise ValueError(f"{', '.join(f'{one:g}' for one in twice)} is given more than once")
        return value

    @field_validator("layers", check_fields=False)
    @classmethod
    def _are_layers(cls, value: Sequence[int] | None) -> Sequence[int] | None:
        if value is not None and (not value or min(value) < 0):
            raise ValueError("name one or more layers; they count from 0, the first block")
        return value

    def run(
        self,
        model: Model | None = None,
        *,
        data: DataSet | Splits | None = None,
        folder: Path | str | None = None,
        fresh: bool = False,
        engine: str = "local",
        workers: int | None = None,
        gpus_per_worker: int | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """Run the study, or go on with one that was stopped.

        Parameters
        ----------
        model, data:
            What to use in place of what the fields name; parts of the data, where items belong together by more
            than their question.
        folder:
            Where finished steps are kept; None for a folder of its own under the user's data, which the same
            declaration, model and data find again.
        fresh:
            Start anew.
        engine, workers, gpus_per_worker:
            Where steps run: ``local``, ``processes``, ``ray[://HOST:PORT]`` or a plugin's; in how many workers; and how
            many GPUs each of them has for itself.
        progress:
            Told how far it is.

        Raises
        ------
        SteerstackError
            The data, the model or a method is not there, or does not fit; nothing that was finished is lost.
        """
        from steerstack.study.session import open_session

        with open_session(
            self,
            model,
            data,
            folder=folder,
            fresh=fresh,
            engine=engine,
            workers=workers,
            gpus_per_worker=gpus_per_worker,
            progress=progress,
        ) as session:
            return self.perform(session)

    def plan_only(self, model: Model | None = None, *, data: DataSet | None = None) -> Forecast:
        """What the study will take: fits, scored items, time, and what its test items can resolve."""
        from steerstack.study.session import plan_session

        with plan_session(self, model, data) as session:
            return self.forecast(session)

    def steps(self, session: Session) -> Mapping[str, Request]:
        """What is measured, by name: scored arms, costs, or steps of one's own. Nothing of it depends on results."""
        raise NotImplementedError(f"{type(self).__name__} defines neither steps nor perform")

    def estimands(self, session: Session, values: Mapping[str, Any]) -> Sequence[Effect]:
        """The effects that the study reports, from what each of its steps gave."""
        raise NotImplementedError(f"{type(self).__name__} defines neither estimands nor perform")

    def perform(self, session: Session) -> Result:
        """Do it all: by default every one of :meth:`steps`, then :meth:`estimands`."""
        from steerstack.study.plain_result import PlainResult

        requests = self.steps(session)
        results = session.measure.together(session.model, list(requests.values()))
        values = dict(zip(requests, results, strict=True))
        return PlainResult.of(self, session, requests, values, self.estimands(session, values))

    def answer(self, items: ItemFrame) -> Answer:
        """What the items of a finished study say, computed from its frame alone; not every kind of study can.

        Raises
        ------
        StudyError
            This kind cannot.
        """
        raise StudyError(
            f"What a study of the kind {self.name!r} found cannot be computed from its items alone.",
            fix="Read the verdict of its result.",
        )

    @classmethod
    def answers(cls) -> bool:
        """Whether its kind computes its answer from items alone."""
        return cls.answer is not Study.answer

    def forecast(self, session: Session) -> Forecast:
        """What :meth:`perform` will take: by default from a short pilot and the number of steps."""
        from steerstack.study.forecast import forecast_requests

        return forecast_requests(session, self.steps(session))

    @classmethod
    def make(cls, values: Mapping[str, Any], source: str = "the study") -> Self:
        """The study with the given field values.

        Raises
        ------
        StudyError
            A field is missing, unknown, or does not fit.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _refusal(cls, error, source) from error

    def to_json(self) -> dict[str, object]:
        """The content of its file, without what is empty by default and here, and without the server's address.

        Where the weights are decides no number, and an address has no place in a record.
        """
        from steerstack.catalog.lookup import full_name

        fields = type(self).model_fields
        values = self.model_dump(mode="json", exclude={"remote"})
        empty = {name for name, value in values.items() if value is None and fields[name].default is None}
        empty |= {name for name, usual in (("template", {}), ("reasoning", "closed")) if values[name] == usual}
        content = {name: value for name, value in values.items() if name not in empty}
        return {"study": full_name("study", self), **content}

    def to_yaml(self) -> str:
        """The text of its file."""
        import yaml

        return yaml.safe_dump(self.to_json(), sort_keys=False, allow_unicode=True)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in sorted(self.model_fields_set))
        text = f"{type(self).__name__}({arguments})"
        return text if len(text) < 200 else f"{text[:195]}...)"


def _refusal(cls: type[Study], error: ValidationError, source: str) -> StudyError:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    fields = cls.model_fields
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        return StudyError(f"{source} has an unknown field {field!r}.", fix=nearest(field, fields))
    if first["type"] == "extra_forbidden":
        return StudyError(f"{source} has an unknown field {field!r}.", fix=f"Known: {', '.join(fields)}.")
    if first["type"] == "missing":
        about = fields[field].description if field in fields else ""
        return StudyError(f"{source} needs the field {field!r}.", seen=about or "", fix=f"Give {field}.")
    value = f"{first.get('input')!r}"[:200]
    why = first["msg"].removeprefix("Value error, ")
    return StudyError(f"The field {field!r} of {source} does not fit.", seen=f"{value}: {why}")
