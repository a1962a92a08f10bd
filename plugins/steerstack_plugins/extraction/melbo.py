"""MELBO: a shift of fixed size that changes later activations as much as possible, found without labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.steering.intervention import Plan
    from steerstack.steering.site import Site
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


@final
class Melbo(Extractor):
    """Unsupervised steering vector: the data decide neither the behaviour that is found nor its sign.

    Source: Mack and Turner, "Mechanistically eliciting latent behaviors in language models"
    (Alignment Forum, 2024), and their code. Over vectors v of norm R added at a source layer it
    maximises ``sum over prompts (sum over tokens |Z(v) - Z(0)|^p)^(1/q)``, Z being the residual
    stream at a later layer: by AMSGrad on the sphere, its gradient projected on the tangent space,
    from a random start. Further vectors are kept orthogonal to the earlier ones; ``index`` picks one.
    The answers are not used; with ``orient`` the labels decide the sign, and nothing else.

    The authors' code takes the norm over tokens for each coordinate, which for p = 2 is the same;
    it adds v as a bias of the source layer's MLP. They train on one to a few prompts, for 300 steps.
    """

    name = "melbo"
    paper = "alignmentforum.org/posts/ioPnHKFyy4Cw2Gr2x"
    position = "response"
    differentiates = True

    source: int | None = Field(None, ge=0, description="Layer at which v is added; about a quarter of the depth.")
    target: int | None = Field(None, ge=0, description="Layer whose change counts; about three quarters of the depth.")
    radius: float | None = Field(None, gt=0, description="R; by default a quarter of the source's median norm.")
    steps: int = Field(100, ge=1, description="Steps for each vector; 300 in the authors' code.")
    learning_rate: float = Field(1e-2, gt=0, description="For v / R; 1e-3 in the authors' code.")
    p: float = Field(2.0, gt=0, description="Power of the change at a token.")
    q: float | None = Field(None, gt=0, description="Root over the tokens of a prompt; p by default.")
    prompts: int = Field(4, ge=1, description="Number of the data's questions it is trained on, the first ones.")
    tokens: Literal["all", "response"] = Field("all", description="Positions of the prompt shifted and measured.")
    index: int = Field(0, ge=0, description="Which of several orthogonal vectors; each costs as much again.")
    orient: bool = Field(False, description="Choose the sign by the labels: towards the exhibiting answers.")
    seed: int = Field(0, description="Of the starts.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Find the vector."""
        import torch

        from steerstack.data.prompts import Prompt

        model = pairs.model
        source, target = self._sites(model, pairs)
        sequences = [model.format.sequence(Prompt(i.question, i.system)) for i in pairs.data.limit(self.prompts)]
        plain = _activations(model, sequences, None, [source, target])
        places = _places(sequences, self.tokens)
        radius = self.radius or 0.25 * float(plain[source][places].norm(dim=-1).median())

        def change(v: Tensor) -> Tensor:
            activations = _activations(model, sequences, self._plan(source, v), [target])[target]
            return objective(activations, plain[target], places, p=self.p, q=self.q or self.p)

        generator = torch.Generator().manual_seed(self.seed)
        total, step = (self.index + 1) * self.steps, 0

        def tell() -> None:
            nonlocal step
            pairs.advance((step + 1) * len(pairs) // total - step * len(pairs) // total)
            step += 1

        directions: list[Tensor] = []
        for _ in range(self.index + 1):
            start = torch.randn(model.width(source), generator=generator)
            direction, curve = self._ascend(change, start, directions, radius, tell)
            directions.append(direction)
        v = radius * directions[-1]
        record: dict[str, Any] = {"target": str(target), "radius": radius, "change": curve, "sign": "undetermined"}
        if self.orient:
            v = v * _sign(pairs, source, v)
            record["sign"] = "by the labels"
        return Fitted({source.layer: v}, component=source.component, record=record)

    def _sites(self, model: Model, pairs: PairStream) -> tuple[Site, Site]:
        from steerstack.steering.site import Site

        n = model.n_layers
        source = Site(pairs.component, self.source if self.source is not None else max(0, n // 4 - 1))
        target = Site("resid_post", self.target if self.target is not None else max(source.layer + 1, n - n // 4 - 1))
        for site in (source, target):
            model.check_site(site)
        if target.layer <= source.layer:
            raise ExtractionError(
                "The target has to come after the source.",
                seen=f"source {source}, target {target}, {n} layers",
                fix="Give an earlier source, or a later target.",
            )
        return source, target

    def _plan(self, source: Site, v: Tensor) -> Plan:
        from steerstack.engine.gradients import Shift
        from steerstack.steering.intervention import Plan
        from steerstack.steering.tokens import Tokens

        return Plan((Shift(source, v, selection=Tokens(self.tokens)),))

    def _ascend(
        self,
        change: Callable[[Tensor], Tensor],
        start: Float[Tensor, " d_model"],
        before: Sequence[Float[Tensor, " d_model"]],
        radius: float,
        tell: Callable[[], None],
    ) -> tuple[Float[Tensor, " d_model"], list[float]]:
        """A unit vector orthogonal to those before, and the objective at each step."""
        import torch

        def free(x: Tensor) -> Tensor:
            for other in before:
                x = x - (x @ other) * other
            return x

        unit = torch.nn.functional.normalize(free(start), dim=0).requires_grad_()
        optimiser = torch.optim.AdamW([unit], lr=self.learning_rate, betas=(0.9, 0.98), weight_decay=0.0, amsgrad=True)
        curve: list[float] = []
        for _ in range(self.steps):
            with torch.enable_grad():
                value = change(radius * unit)
                (gradient,) = torch.autograd.grad(-value, unit)
            with torch.no_grad():
                gradient = free(gradient)
                unit.grad = gradient - (gradient @ unit) * unit
                optimiser.step()
                unit.copy_(torch.nn.functional.normalize(free(unit), dim=0))
            curve.append(float(value.detach()))
            tell()
        if not math.isfinite(curve[-1]) or curve[-1] == 0:
            raise ExtractionError(
                "The shift changes nothing that can be measured at the target.",
                seen=f"objective {curve[-1]}",
                fix="Use a larger radius, or another source or target.",
            )
        return unit.detach().clone(), curve


def objective(
    moved: Float[Tensor, "prompt token d_model"],
    plain: Float[Tensor, "prompt token d_model"],
    places: Float[Tensor, "prompt token"],
    *,
    p: float,
    q: float,
) -> Float[Tensor, ""]:
    """``sum over prompts (sum over tokens |moved - plain|^p)^(1/q)``, over the places that count."""
    distances = (moved - plain).square().sum(-1)
    # a square root has no gradient at 0, where padding is
    return distances.where(places, 1.0).pow(p / 2).mul(places).sum(-1).pow(1 / q).sum()


def _places(asked: Sequence[TokenSequence], tokens: str) -> Tensor:
    import torch

    first = torch.tensor([0 if tokens == "all" else s.response_start for s in asked])[:, None]
    end = torch.tensor([len(s) for s in asked])[:, None]
    position = torch.arange(int(end.max()))[None]
    return (first <= position) & (position < end)


def _activations(
    model: Model, asked: Sequence[TokenSequence], plan: Plan | None, read: Sequence[Site]
) -> dict[Site, Float[Tensor, "prompt token d_model"]]:
    from steerstack.engine.hidden import hidden_states

    return {site: h.float().cpu() for site, h in hidden_states(model, asked, read, plan).items()}


def _sign(pairs: PairStream, source: Site, v: Float[Tensor, " d_model"]) -> float:
    """+1 if the exhibiting sides lie further along v than the others at the source, else -1."""
    column = list(pairs.layers).index(source.layer)
    along = sum(float(((b.positive - b.negative)[:, column] @ v).sum()) for b in pairs)
    return 1.0 if along >= 0 else -1.0
