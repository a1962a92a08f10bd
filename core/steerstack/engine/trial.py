"""The trial of shortcuts: a few short sequences, as plain passes give them and as the engine does."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.engine.answers import read_answers
from steerstack.engine.decode.anew import decode_anew
from steerstack.engine.decode.answers import Answers
from steerstack.engine.decode.rows import decode_rows
from steerstack.engine.decode.sampling import Sampling, stop_tokens
from steerstack.engine.decode.side_by_side import decode_side_by_side
from steerstack.engine.layout.readout import Readout
from steerstack.steering.intervention import Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.check import trial_ids
from steerstack.trace.model import Model
from steerstack.trace.paths import Paths, Shortcut
from steerstack.trace.plain import Change, plain_logits, planned

log = logging.getLogger(__name__)

NOISE = 5.0
"""How many times what rounding at every block does to the numbers still counts as rounding."""

FLOOR = 3e-5
"""Nats that always count as rounding."""

LOOSE = 2.0**-8
"""Relative rounding of weights of eight bits or fewer."""


@final
@dataclass(frozen=True, eq=False)
class _Nudge(SelectiveIntervention):
    """Pushes activations by half their norm, so that it is felt in every model."""

    direction: Float[Tensor, " d_model"]

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations, pushed."""
        return hidden + 0.5 * hidden.norm(dim=-1, keepdim=True) * self.direction.to(hidden)


@dataclass(frozen=True)
class _Recorder(Sampling):
    """Makes every row go on with the same tokens, and keeps what the model said of them."""

    forced: tuple[int, ...] = ()
    said: list[Float[Tensor, " row"]] = field(default_factory=list)

    def choose(self, logits: Float[Tensor, "row vocab"], generator: torch.Generator) -> Int[Tensor, " row"]:
        """The token that is forced."""
        token = self.forced[len(self.said)]
        self.said.append(logits.float().log_softmax(-1)[:, token].cpu())
        return torch.full((len(logits),), token, device=logits.device)


@dataclass(frozen=True)
class Trial:
    """Two prompts, one with two answers, unsteered and steered; and what plain passes say of the answers.

    Attributes
    ----------
    groups:
        The sequences. The first answers of both prompts are the same tokens.
    arms:
        Unsteered, and steered on the response before the first block and in the middle.
    plain:
        By arm, group, sequence and token: log-probability (nats).
    rounding:
        Differences of this size are rounding.
    """

    LEAST: ClassVar[int] = 24
    """Tokens that the sequences have at most, where they are not made longer."""

    COLUMNS: ClassVar[int] = 40
    """Tokens of the longest row that the engine makes of them."""

    groups: list[list[TokenSequence]]
    arms: list[Plan]
    plain: list[list[list[list[float]]]]
    rounding: float

    @classmethod
    def of(cls, model: Model, *, longer: int = 0, room: int = 1 << 30) -> "Trial":
        """Run the plain passes.

        Parameters
        ----------
        model:
            A model whose weights are here.
        longer:
            Tokens by which the sequences are made longer.
        room:
            Positions that the model has.
        """
        stops = stop_tokens(model)
        ids = [i for i in trial_ids(model, longer + 60) if i not in stops]
        start, end = ids[: 10 + min(longer, room - cls.LEAST)], ids[-3:]
        first, second = [*start, *ids[-8:-4]], [*start, *ids[-16:-9]]
        groups = [[_sequence(first, end), _sequence(first, ids[-23:-18])], [_sequence(second, end)]]
        generator = torch.Generator().manual_seed(0)
        direction = torch.nn.functional.normalize(torch.randn(model.d_model, generator=generator), dim=0)
        places = (Site("resid_pre", 0), Site("resid_post", (model.n_layers - 1) // 2))  # for all blocks, and midway
        arms = [Plan(), *(Plan((_Nudge(site, direction=direction),)) for site in places)]
        plain = [[[_answer(model, one, planned(arm, one)) for one in group] for group in groups] for arm in arms]
        jittered = _answer(model, groups[0][0], _jitter(model))
        response = max(abs(a - b) for a, b in zip(plain[0][0][0], jittered, strict=True))
        return cls(groups, arms, plain, max(FLOOR, NOISE * response))

    @property
    def sound(self) -> bool:
        """Whether the model itself gives numbers: with NaN or infinity nothing can be compared."""
        return all(math.isfinite(one) for arm in self.plain for group in arm for answer in group for one in answer)

    def differs(self, other: "Trial") -> bool:
        """Whether plain passes say something else than in another trial of the same sequences."""
        return _largest(self.plain, other.plain) > self.rounding

    def off_by(self, model: Model, shortcuts: frozenset[Shortcut]) -> float:
        """The largest difference from plain passes (nats) with these shortcuts; infinite where they cannot run."""
        before, model.paths = model.paths, Paths(shortcuts)
        try:
            off = self._scored_off(model, self.arms)
            if "prefix" in shortcuts and "trunk" not in shortcuts:  # beside a steered arm it is not taken then
                off = max(off, self._scored_off(model, self.arms[:1]))
            for decode in self._decoders(shortcuts):
                off = max(off, self._decoded_off(model, decode))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a model dies of in a pass that it was not made for
            log.debug("%s cannot take %s: %s", model.name, ", ".join(sorted(shortcuts)), error)
            return float("inf")
        finally:
            model.paths = before
        return off if off == off else float("inf")  # NaN

    def _scored_off(self, model: Model, arms: list[Plan]) -> float:
        return _largest(read_answers(model, self.groups, arms, Readout.of, tokens=1024), self.plain[: len(arms)])

    def _decoders(self, shortcuts: frozenset[Shortcut]) -> list[str]:
        return ["side by side"] * ("side by side" in shortcuts) + ["rows" if "cache" in shortcuts else "anew"]

    def _decoded_off(self, model: Model, decode: str) -> float:
        prompts = [TokenSequence(s.ids[: s.answer_start], s.response_start, s.answer_start) for s, *_ in self.groups]
        forced = self.groups[0][0].ids[self.groups[0][0].answer_start :]
        sampling = _Recorder(max_new_tokens=len(forced), forced=forced)
        arms = self.arms[:2]
        rows = [(arm, index) for index in range(len(prompts)) for arm in range(len(arms))]
        answers = Answers(len(arms), len(prompts))
        generator = torch.Generator()
        if decode == "side by side":
            both = range(len(prompts)), sampling, generator, answers
            decode_side_by_side(model, prompts, arms, range(len(arms)), *both)
            said = torch.stack(sampling.said, -1)
        else:
            parts = [rows] if model.may("rows", 0) else [[row] for row in rows]
            run = decode_rows if decode == "rows" else decode_anew
            found = []
            for part in parts:
                sampling.said.clear()
                run(model, prompts, arms, part, sampling, generator, answers)
                found.append(torch.stack(sampling.said, -1))
            said = torch.cat(found)
        plain = torch.tensor([self.plain[arm][index][0] for arm, index in rows])
        return float((said - plain).abs().max())


def _sequence(prompt: Sequence[int], answer: Sequence[int]) -> TokenSequence:
    return TokenSequence((*prompt, *answer), len(prompt) - 2, len(prompt))


def _answer(model: Model, sequence: TokenSequence, changes: Sequence[tuple[Site, Change]]) -> list[float]:
    logp = plain_logits(model, sequence.ids, changes).log_softmax(-1)
    return [float(logp[p - 1, sequence.ids[p]]) for p in range(sequence.answer_start, len(sequence))]


def _jitter(model: Model) -> list[tuple[Site, Change]]:
    """Changes activations after every block by as much as rounding may."""
    eps = torch.finfo(model.dtype).eps
    if any(not weight.is_floating_point() for weight in model.module.parameters()):
        eps = max(eps, LOOSE)
    generator = torch.Generator().manual_seed(0)

    def change(hidden: Tensor) -> Tensor:
        noise = 2 * torch.rand(hidden.shape, generator=generator) - 1
        return hidden * (1 + eps * noise).to(hidden)

    return [(Site("resid_post", layer), change) for layer in range(model.n_layers)]


def _largest(one: list[list[list[list[float]]]], other: list[list[list[list[float]]]]) -> float:
    pairs = [
        (a, b)
        for arms in zip(one, other, strict=True)
        for groups in zip(*arms, strict=True)
        for sequences in zip(*groups, strict=True)
        for a, b in zip(*sequences, strict=True)
    ]
    return max(abs(a - b) if a == a and b == b else float("inf") for a, b in pairs)  # NaN
