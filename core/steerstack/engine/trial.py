"""The trial of shortcuts: a few short sequences, as plain passes give them and as the engine does."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.engine.answers import read_answers
from steerstack.engine.decode.answers import Answers
from steerstack.engine.decode.rows import decode_rows
from steerstack.engine.decode.sampling import Sampling, stop_tokens
from steerstack.engine.decode.side_by_side import decode_side_by_side
from steerstack.engine.decode.without_cache import decode_anew
from steerstack.engine.layout.readout import Readout
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.check import PARTS, every_kind, trial_ids
from steerstack.trace.model import Model
from steerstack.trace.paths import Paths, Shortcut
from steerstack.trace.plain import Change, Nudge, answer_of, plain_logits, planned

log = logging.getLogger(__name__)

NOISE = 5.0
"""How many times what rounding at every block does to the numbers still counts as rounding."""

FLOOR = 3e-5
"""Nats that always count as rounding."""

SHARE = 6e-6
"""Share of a log-probability that always counts as rounding: some fifty times the float32 epsilon."""

LOOSE = 2.0**-8
"""Relative rounding of weights of eight bits or fewer."""


@dataclass(frozen=True)
class _Recorder(Sampling):
    """Makes every row go on with tokens of its own, and keeps what the model said of them."""

    forced: tuple[tuple[int, ...], ...] = ()
    said: list[Float[Tensor, " row"]] = field(default_factory=list)

    def choose(self, logits: Float[Tensor, "row vocab"], generator: torch.Generator) -> Int[Tensor, " row"]:
        """The tokens that are forced."""
        tokens = torch.tensor([row[len(self.said)] for row in self.forced], device=logits.device)
        self.said.append(logits.float().log_softmax(-1).gather(1, tokens[:, None])[:, 0].cpu())
        return tokens


@dataclass(frozen=True, eq=False)
class Trial:
    """Two prompts, the second one with two answers, unsteered and steered; and what plain passes say of some answers.

    A pass reads all weights, however few its tokens are, so there are no more passes than are needed. The engine
    holds rows, options and arms in order, and fills up shorter rows. So what is compared is what the rest could
    disturb: the second prompt, which is the shorter one, its second option, and the second of two arms that part at
    one block. Arms part so late that a pass from midway is short, and so early that it meets every kind of block.
    Plain passes that were made when the model was opened are not made again.

    Attributes
    ----------
    model:
        The model.
    groups:
        The sequences.
    arms:
        Unsteered; steered on the response before the blocks that a pass from midway runs, by two directions.
    plain:
        By arm, group and sequence: log-probabilities (nats) of the answer's tokens.
    recalled:
        Whether these are of passes that were made when the model was opened.
    """

    LEAST: ClassVar[int] = 24
    """Tokens that the sequences have at most, where they are not made longer."""

    COLUMNS: ClassVar[int] = 40
    """Tokens of the longest row that the engine makes of them."""

    DECODED: ClassVar[tuple[int, int]] = (0, 2)
    """The arms that are decoded."""

    model: Model
    groups: list[list[TokenSequence]]
    arms: list[Plan]
    plain: dict[tuple[int, int, int], list[float]]
    recalled: bool

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
        response, answer, over = (place + min(longer, room - cls.LEAST) for place in PARTS)
        short, end = ids[:answer], ids[-3:]
        groups = [
            [_sequence([*ids[:response], *ids[-16:-11]], end)],
            [_sequence(short, end), _sequence(short, ids[answer:over])],
        ]
        reference = model.reference
        plan = every_kind(model) if reference is None else reference.plan
        first, last = plan.sites[0], plan.sites[-1]
        arms = [Plan(), Plan((Nudge.drawn(first, model.d_model, 2),)), plan]
        if first.component == "resid_pre":  # at the first block: some arms part there, and some after it
            arms[1:1] = [Plan((Nudge.drawn(last, model.d_model, seed),)) for seed in (3, 4)]
        text = groups[1][1]
        same = reference is not None and reference.sequence == text
        answers = {0: reference.plain, len(arms) - 1: reference.steered} if reference is not None and same else {}
        plain = {
            (arm, 1, 1): answers[arm] if arm in answers else _answer(model, text, planned(arms[arm], text))
            for arm in range(0, len(arms), 2)
        }
        return cls(model, groups, arms, plain, same)

    def anew(self) -> "Trial":
        """The same, of plain passes that are made now."""
        text = self.groups[1][1]
        plain = {key: _answer(self.model, text, planned(self.arms[key[0]], text)) for key in self.plain}
        return replace(self, plain=plain, recalled=False)

    @cached_property
    def rounding(self) -> float:
        """Differences of this size (nats) are rounding: what jittering the output of every block does, some times."""
        response = 0.0
        for (arm, group, slot), plain in self.plain.items():
            text = self.groups[group][slot]
            jittered = _answer(self.model, text, [*planned(self.arms[arm], text), *jitter(self.model)])
            response = max(response, *(abs(a - b) for a, b in zip(plain, jittered, strict=True)))
        return max(self._always, NOISE * response)

    def explains(self, off: float) -> bool:
        """Whether a difference (nats) is rounding."""
        return off <= self._always or off <= self.rounding

    @property
    def _always(self) -> float:
        sizes = (abs(one) for answer in self.plain.values() for one in answer if math.isfinite(one))
        return max(FLOOR, SHARE * max(sizes, default=0.0))

    @property
    def sound(self) -> bool:
        """Whether the model itself gives numbers: with NaN or infinity nothing can be compared."""
        return all(math.isfinite(one) for answer in self.plain.values() for one in answer)

    def differs(self, other: "Trial") -> bool:
        """Whether plain passes say something else than in another trial of the same sequences."""
        return not self.explains(max(_far(self.plain[key], other.plain[key]) for key in self.plain))

    def off_by(self, shortcuts: frozenset[Shortcut]) -> float:
        """The largest difference from plain passes (nats) with these shortcuts; infinite where they cannot run."""
        before, self.model.paths = self.model.paths, Paths(shortcuts)
        try:
            off = self._scored_off(len(self.arms))
            if "prefix" in shortcuts and "trunk" not in shortcuts:  # beside a steered arm it is not taken then
                off = max(off, self._scored_off(1))
            decoders = self._decoders(shortcuts)
            for decode in decoders:  # side by side, one pass after another goes on from the cache, so rows need but one
                off = max(off, self._decoded_off(decode, steps=2 if "side by side" in decoders else 3))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a model dies of in a pass that it was not made for
            log.debug("%s cannot take %s: %s", self.model.name, ", ".join(sorted(shortcuts)), error)
            return float("inf")
        finally:
            self.model.paths = before
        return off

    def _scored_off(self, arms: int) -> float:
        values = read_answers(self.model, self.groups, self.arms[:arms], Readout.of, tokens=1024)
        return max(
            _far(values[arm][group][slot], reference)
            for (arm, group, slot), reference in self.plain.items()
            if arm < arms
        )

    def _decoders(self, shortcuts: frozenset[Shortcut]) -> list[str]:
        return ["side by side"] * ("side by side" in shortcuts) + ["rows" if "cache" in shortcuts else "anew"]

    def _decoded_off(self, decode: str, *, steps: int) -> float:
        model, shorter = self.model, self.groups[1][0].answer_start
        first, second = (of[0].ids[: min(of[0].answer_start, shorter + 1)] for of in self.groups)  # filled up by one
        prompts = [TokenSequence(ids, len(ids) - 2, len(ids)) for ids in (first, second)]
        arms = [self.arms[arm] for arm in self.DECODED]
        targets = {(self.DECODED.index(arm), group): (self.groups[group][slot], self.plain[arm, group, slot])
                  for arm, group, slot in self.plain if arm in self.DECODED}  # fmt: skip
        rows = [(arm, index) for index in range(len(prompts)) for arm in range(len(arms))]
        if decode != "side by side":
            rows = [key for key in rows if key in targets or not key[0]]  # beside them one that is longer
        forced = [self._forced(targets[key][0] if key in targets else self.groups[0][0], steps) for key in rows]
        answers, generator = Answers(len(arms), len(prompts)), torch.Generator()
        chunks = []
        if decode == "side by side":
            sampling = _Recorder(max_new_tokens=steps, forced=tuple(forced))
            both = range(len(prompts)), sampling, generator, answers
            decode_side_by_side(model, prompts, arms, range(len(arms)), *both)
            chunks.append(torch.stack(sampling.said, -1))
        else:
            size = len(rows) if model.may("rows", 0) else 1
            run = decode_rows if decode == "rows" else decode_anew
            for at in range(0, len(rows), size):
                sampling = _Recorder(max_new_tokens=steps, forced=tuple(forced[at : at + size]))
                run(model, prompts, arms, rows[at : at + size], sampling, generator, answers)
                chunks.append(torch.stack(sampling.said, -1))
        logps = dict(zip(rows, torch.cat(chunks).tolist(), strict=True))
        return max(_far(logps[key][: len(plain)], plain[:steps]) for key, (_, plain) in targets.items())

    @staticmethod
    def _forced(sequence: TokenSequence, steps: int) -> tuple[int, ...]:
        """The answer's tokens, the last one again where there are too few."""
        answer = sequence.ids[sequence.answer_start :]
        return (*answer, *[answer[-1]] * steps)[:steps]


def _sequence(prompt: Sequence[int], answer: Sequence[int]) -> TokenSequence:
    return TokenSequence((*prompt, *answer), len(prompt) - 2, len(prompt))


def _answer(model: Model, sequence: TokenSequence, changes: Sequence[tuple[Site, Change]]) -> list[float]:
    return answer_of(plain_logits(model, sequence.ids, changes), sequence)


def jitter(model: Model) -> list[tuple[Site, Change]]:
    """Changes activations after every block by as much as rounding may."""
    eps = torch.finfo(model.dtype).eps
    if any(not weight.is_floating_point() for weight in model.module.parameters()):
        eps = max(eps, LOOSE)
    generator = torch.Generator().manual_seed(0)

    def change(hidden: Tensor) -> Tensor:
        noise = 2 * torch.rand(hidden.shape, generator=generator) - 1
        return hidden * (1 + eps * noise).to(hidden)

    return [(Site("resid_post", layer), change) for layer in range(model.n_layers)]


def _far(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference of log-probabilities; infinite where one is none."""
    return max(abs(a - b) if a == a and b == b else float("inf") for a, b in zip(one, other, strict=True))
