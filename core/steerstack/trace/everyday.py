"""What a model can be asked for in passing: to speak, to be steered in a loop of one's own, to show itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from steerstack.util import show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from steerstack.steering.intervention import Intervention, Plan
    from steerstack.trace.model import Model


class Everyday:
    """The part of :class:`~steerstack.trace.model.Model` that a notebook uses."""

    def generate(self, prompt: str, plan: Plan | Intervention | None = None, **settings: Any) -> str:
        """What the model says to one prompt, under a plan or without one.

        Parameters
        ----------
        prompt:
            What the user says, in the model's own chat format.
        plan:
            A plan, such as ``vector.at(14, scale=1.5)``; None for the unsteered model.
        settings:
            As :func:`steerstack.generate` takes them: ``system``, ``max_new_tokens``, ``temperature``, ``seed``, ...

        Raises
        ------
        ArgumentError
            The plan is none, or a setting is out of range.
        """
        import inspect

        from steerstack import generate
        from steerstack.errors import ArgumentError, nearest

        names = [
            name for name, part in inspect.signature(generate).parameters.items() if part.kind is part.KEYWORD_ONLY
        ]
        for name in settings:
            if name not in names:
                raise ArgumentError(f"There is no setting {name!r}.", fix=nearest(name, names))
        return generate(cast("Model", self), [prompt], [plan], **settings)[0][0]

    def steer(
        self, plan: Plan | Intervention, *, starts: Sequence[tuple[int, int]] | None = None
    ) -> AbstractContextManager[None]:
        """Apply a plan in a loop of one's own: within ``with model.steer(plan):`` ``model.module`` is edited.

        It sets plain forward hooks, for ``model.module(...)`` and ``model.module.generate(...)`` with or without a
        cache. Where the response begins is looked for in the tokens themselves: behind the last user turn.

        Parameters
        ----------
        plan:
            What is applied.
        starts:
            For each row, where the response and where the answer begin (0-based, in its unpadded tokens), where
            they cannot be found.

        Raises
        ------
        SiteError, ModelError
            The plan does not fit the model.
        ArgumentError
            What is given is no plan; or, from within, the response was not found in the tokens.
        NothingEditedError
            On leaving: the model was run and the plan touched no position.
        RemoteError
            The weights are on a server.
        """
        from steerstack.trace.hooks import steered

        return steered(cast("Model", self), plan, starts)

    def __repr__(self) -> str:
        model = cast("Model", self)
        where = f"on {model.remote}" if model.remote is not None else f"{model.dtype} on {model.device}"
        return show.line(
            f"<Model {show.clip(model.name, 80)}: {model.n_layers} layers of width {model.d_model}, "
            f"{where.replace('torch.', '')}>"
        )

    def _repr_html_(self) -> str:
        model = cast("Model", self)
        about = {
            "name": model.name,
            "revision": model.revision,
            "architecture": model.config.model_type,
            "layers": f"0 to {model.n_layers - 1}",
            "width": model.d_model,
            "dtype": str(model.dtype).removeprefix("torch."),
            "device": model.remote or model.device,
            "prompts": "its chat template" if model.format.chat else "plain Human/Assistant turns",
        }
        return show.facts("Model", about)
