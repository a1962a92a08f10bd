"""What steerstack gives on a tiny model of every architecture, beside what transformers gives by itself.

``python -m steerstack.testing.architecture_table --write docs/reference/architectures.md`` makes the
table of the documentation.
"""

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers

from steerstack.data.prompts import Prompt
from steerstack.data.questions import ContrastPair, Read
from steerstack.engine.activations import PairActivations
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.proof import prove
from steerstack.engine.score import score
from steerstack.errors import SteerstackError, first_line
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.testing.architectures import small_config, small_model, types
from steerstack.testing.models import tiny_tokenizer
from steerstack.testing.naive import naive_logits, naive_score
from steerstack.trace.model import Model
from steerstack.trace.open import open_model
from steerstack.trace.paths import SHORTCUTS

CLOSE = 1e-4
"""Differences up to this are rounding: nats, and units of activations."""


LONG = 64
"""Tokens of a row that is longer than the windows of the small models."""


@dataclass(frozen=True)
class Row:
    """What was tried with one architecture.

    Attributes
    ----------
    name:
        The model type.
    scored, steered, extracted, generated:
        The largest differences from transformers: of log-probabilities (nats), unsteered and steered; of
        activations; of the logits' gap at any token where a steered continuation departs. None where it
        was refused.
    path:
        Which shortcuts are taken; or why the model is refused, or could not be made.
    """

    name: str
    path: str
    scored: float | None = None
    steered: float | None = None
    extracted: float | None = None
    generated: float | None = None

    @property
    def worst(self) -> float | None:
        """The largest difference; None where the model was refused."""
        differences = [self.scored, self.steered, self.extracted, self.generated]
        return None if self.scored is None else max(value for value in differences if value is not None)


def rows(names: Iterable[str]) -> Iterator[Row]:
    """Try architectures one by one."""
    for name in names:
        yield row(name)


def row(name: str) -> Row:
    """Try an architecture: a tiny random model is opened, scored, steered, read and continued."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of transformers, on configs of such a size
        try:
            module = small_model(small_config(name))
        except Exception as error:  # whatever a config of a kind that is not known yet dies of
            return Row(name, f"not made: {type(error).__name__}, {first_line(error)[:80]}")
        if module is None:
            return Row(name, "not made: its config has no common names for small sizes")
        try:
            model = open_model(module, tokenizer=tiny_tokenizer())
            paths = prove(model)
        except SteerstackError as error:
            return Row(name, f"refused: {error.happened} {error.seen}")
        left = [shortcut for shortcut in SHORTCUTS if not paths.may(shortcut, LONG)]
        shortcuts = f"without {', '.join(left)}" if left else "all shortcuts"
        shortcuts += "" if paths.reach is None else f", beyond its window of {paths.reach} tokens"
        return Row(name, shortcuts, *_differences(model))


def _differences(model: Model) -> tuple[float, float, float, float]:
    groups = [
        model.format.answers(Prompt("Is it?", "Be kind."), ["It is the best!", "No."]),
        model.format.answers(Prompt("Shall I go now?", "Be kind."), ["Go", "Stay here"]),
    ]
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(model.d_model, generator=generator)
    plan = Plan((Add(Site("resid_post", 1), direction, 1.0),))
    scores = score(model, groups, [Plan(), plan])
    off = [
        max(
            abs(a - b)
            for values, group in zip(scores[index].tokens, groups, strict=True)
            for value, sequence in zip(values, group, strict=True)
            for a, b in zip(value, naive_score(model, sequence, arm), strict=True)
        )
        for index, arm in enumerate([Plan(), plan])
    ]
    return off[0], off[1], _extracted_off(model, groups), _generated_off(model, groups, plan)


def _extracted_off(model: Model, groups: list[list[TokenSequence]]) -> float:
    """Means over the answers, of both options, at all layers, beside those of hooks."""
    pairs = [
        ContrastPair(str(index), *(Read(s, tuple(range(s.answer_start, len(s)))) for s in group))
        for index, group in enumerate(groups)
    ]
    stream = list(PairActivations(model, pairs, tokens=4096))
    positive, negative = (torch.cat([getattr(batch, side) for batch in stream]) for side in ("positive", "negative"))
    means = [[_means(model, side) for side in (pair.positive, pair.negative)] for pair in pairs]
    order = sorted(range(len(pairs)), key=lambda index: _close(positive[0], means[index][0]))
    return max(
        max(_close(positive[place], means[index][0]), _close(negative[place], means[index][1]))
        for place, index in enumerate(order)
    )


def _close(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max() / max(1.0, float(other.abs().max())))


def _means(model: Model, side: Read) -> torch.Tensor:
    means: list[torch.Tensor] = []

    def keep(_module: object, _args: object, output: object) -> None:
        hidden = output[0] if isinstance(output, tuple | list) else output
        assert isinstance(hidden, torch.Tensor)
        means.append(hidden[0, list(side.positions)].float().mean(0))

    sites = [Site("resid_post", layer) for layer in range(model.n_layers)]
    hooks = [model.module_at(site).register_forward_hook(keep) for site in sites]
    try:
        naive_logits(model, side.sequence, Plan())
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(means)


def _generated_off(model: Model, groups: list[list[TokenSequence]], plan: Plan) -> float:
    """How much likelier than the token generated another one was, by a plain pass over the whole text: 0 if none."""
    prompts = [TokenSequence(s.ids[: s.answer_start], s.response_start, s.answer_start) for s, *_ in groups]
    off = 0.0
    for arm, generation in zip([Plan(), plan], generate(model, prompts, [Plan(), plan], Sampling(4)), strict=True):
        for prompt, tokens in zip(prompts, generation.tokens, strict=True):
            whole = TokenSequence((*prompt.ids, *tokens), prompt.response_start, prompt.answer_start)
            logits = naive_logits(model, whole, arm)
            for place, token in enumerate(tokens, start=len(prompt) - 1):
                off = max(off, float(logits[place].max() - logits[place, token]))
    return off


def markdown(found: Iterable[Row]) -> str:
    """The table, one line an architecture."""
    lines = [
        "| model type | scored | steered | extracted | generated | path |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        values = [one.scored, one.steered, one.extracted, one.generated]
        cells = ["" if value is None else "0" if value == 0 else f"{value:.0e}" for value in values]
        path = one.path.replace("|", "/").replace("<", "&lt;")
        lines.append(f"| `{one.name}` | {' | '.join(cells)} | {path} |")
    return "\n".join(lines) + "\n"


def summary(found: Sequence[Row]) -> str:
    """One sentence: how many architectures agree, how closely, and how many are refused or could not be made."""
    worst = [value for one in found if (value := one.worst) is not None]
    agree = sum(value < CLOSE for value in worst)
    refused = sum(one.path.startswith("refused") for one in found)
    sentence = f"Of {len(found)} model types, {agree} give what transformers gives within {CLOSE:.0e}"
    sentence += f" (the largest difference is {max(worst):.1e})" if worst else ""
    apart = f", {len(worst) - agree} do not" if agree < len(worst) else ""
    return f"{sentence}{apart}, {refused} are refused, and {len(found) - len(worst) - refused} could not be made small."


def main() -> None:
    """Print the table, or write it between the marks of a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="Model types; all of transformers by default.")
    parser.add_argument("--write", type=Path, help="A page of the documentation with a line <!-- table -->.")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    table = []
    for one in rows(arguments.names or types()):
        table.append(one)
        worst = "" if one.worst is None else f"{one.worst:.1e}"
        sys.stdout.write(f"{one.name:24} {worst:8} {one.path}\n")
    sys.stdout.write(f"{summary(table)}\n")
    if arguments.write:
        head, mark, _ = arguments.write.read_text(encoding="utf-8").partition("<!-- table -->\n")
        about = f"transformers {transformers.__version__}, torch {torch.__version__.partition('+')[0]}, float32, CPU"
        text = f"{head}{mark}\n{summary(table)}\n\n{markdown(table)}\nMade with {about}.\n"
        arguments.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
