"""``steerstack generate`` and ``steerstack chat``: hear a steered model beside the unsteered one."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steerstack.cli import assignments, console, options, progress_bars
from steerstack.cli.plan_options import VectorOptions

if TYPE_CHECKING:
    from steerstack.data.prompts import Prompt
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.engine.decode.speak import Reply
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model

SYSTEM = typer.Option(None, help="System prompt.")
LENGTH = typer.Option(64, "--max-new-tokens", min=1, help="Bound on an answer's length, in tokens.")
TOP_P = typer.Option(1.0, help="Nucleus from which is drawn, where the temperature is above 0.")
SEED = typer.Option(0, help="Seed of the draws.")


@dataclass(frozen=True)
class _Voice:
    """One arm: what it is called, and what acts."""

    label: str
    scale: float | None
    plan: "Plan" = field(repr=False)


@options.spread
def generate(
    *,
    prompt: str | None = typer.Argument(None, help="What the user says."),
    prompts: Path | None = typer.Option(
        None, help="File of prompts: one a line, or a table's column prompt or question."
    ),
    n: int = typer.Option(
        1, "--n", min=1, help="Answers to each prompt; they are drawn, at temperature 1 unless it is set."
    ),
    model: options.ModelOptions,
    by: options.BackendOptions,
    plan: Path | None = typer.Option(None, help="Plan file (YAML): several edits, written down."),
    vector: VectorOptions,
    scale: str = typer.Option(
        "1", "--scale", "--scales", help="Strength; several as 0.5,1,2, each beside the unsteered model."
    ),
    system: str | None = SYSTEM,
    max_new_tokens: int = LENGTH,
    temperature: float | None = typer.Option(None, min=0, help="0, the default, takes the most likely token."),
    top_p: float = TOP_P,
    seed: int = SEED,
    json: str | None = options.JSON,
) -> None:
    """Let the model answer under a vector, at one or several strengths, beside the unsteered model.

    A single answer is shown token by token.
    """
    console.quiet()
    from steerstack.cli.prompt_file import prompts_of
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.engine.decode.speak import as_prompts, checked
    from steerstack.errors import SteerstackError
    from steerstack.exchange.plan_file import load_plan
    from steerstack.steering.intervention import Plan

    messages = as_prompts(prompts_of(prompt, prompts), system)
    warmth = temperature if temperature is not None else 1.0 if n > 1 else 0.0
    if n > 1 and warmth == 0:
        raise SteerstackError(
            f"At temperature 0 all {n} answers are the same.", fix="Leave out --n, or raise --temperature."
        )
    sampling = checked(Sampling(max_new_tokens, warmth, top_p, seed))
    if plan is not None and vector.vector is not None:
        raise SteerstackError("A plan file and a vector exclude each other.", fix="Put the vector into the plan file.")
    strengths = assignments.numbers(scale, float, "strengths")
    _ = vector.edited  # what cannot be made is refused before the model is loaded
    opened = by.opened(model)
    voices = [_Voice("unsteered", 0, Plan())]
    if plan is not None:
        voices.append(_Voice(plan.stem, None, load_plan(plan, opened)))
    elif vector.vector is not None:
        claim = vector.claim(opened, 1.0)
        where = f"{'layer' if len(claim.layers) == 1 else 'layers'} {', '.join(map(str, claim.layers))}"
        steered = dict.fromkeys(strength for strength in strengths if strength)
        voices += [_Voice(f"{where}, scale {one:g}", one, replace(claim, scale=one).plan()) for one in steered]
    repeated = [one for one in messages for _ in range(n)]
    shown = json != "-"
    if len(repeated) == 1 and shown:
        replies = [_aloud(opened, repeated[0], voices, sampling)]
    else:
        replies = _silently(opened, repeated, voices, sampling)
    entries = [_entry(one, voices, replies[place * n : place * n + n]) for place, one in enumerate(messages)]
    value = [{**entry, "engine": opened.engine} for entry in entries]
    console.write_result(value, json)
    if shown and len(repeated) > 1:
        _show(value)


def _aloud(model: "Model", prompt: "Prompt", voices: Sequence[_Voice], sampling: "Sampling") -> "list[Reply]":
    """One answer after the other, each as it comes."""
    from steerstack.engine.decode.speak import speak

    replies = []
    for voice in voices:
        console.out.rule(voice.label, align="left")
        reply = speak(model, [prompt], [voice.plan], sampling, heard=lambda *args: say(args[-1]))[0][0]
        say("\n")
        if len(voice.plan):
            console.console.say("", mark=f"{reply.edited_positions} positions edited", style="dim")
        replies.append(reply)
    return replies


def say(text: str) -> None:
    """Put text on standard output at once, without what would steer a terminal."""
    from steerstack.util.text import shown

    sys.stdout.write(shown(text))
    sys.stdout.flush()


def _silently(
    model: "Model", prompts: "Sequence[Prompt]", voices: Sequence[_Voice], sampling: "Sampling"
) -> "list[list[Reply]]":
    from steerstack.engine.decode.speak import speak

    with progress_bars.bars() as bars:
        progress = bars.of("answers", len(prompts) * len(voices))
        return speak(model, prompts, [voice.plan for voice in voices], sampling, progress=progress)


def _entry(prompt: "Prompt", voices: Sequence[_Voice], samples: "Sequence[Sequence[Reply]]") -> dict[str, object]:
    """A prompt with its arms, as ``--json`` has them."""
    arms = []
    for place, voice in enumerate(voices):
        replies = [sample[place] for sample in samples]
        arm = {"label": voice.label, "scale": voice.scale, "text": replies[0].text}
        arm["edited_positions"] = sum(reply.edited_positions for reply in replies)
        arms.append({**arm, "samples": [reply.text for reply in replies]} if len(replies) > 1 else arm)
    return {"prompt": prompt.user, "arms": arms}


def _show(value: Sequence[dict[str, Any]]) -> None:
    from rich.text import Text

    from steerstack.util.text import shown

    for entry in value:
        console.out.print(Text(shown(entry["prompt"]), style="bold"))
        for arm in entry["arms"]:
            count = f", {arm['edited_positions']} positions edited" if arm["edited_positions"] else ""
            for text in arm.get("samples", [arm["text"]]):
                console.out.print(Text(f"  {arm['label']}{count}: ", style="dim"), Text(shown(" ".join(text.split()))))


@options.spread
def chat(
    *,
    model: options.ModelOptions,
    vector: VectorOptions,
    scale: float = typer.Option(1.0, help="Strength; /scale changes it."),
    system: str | None = SYSTEM,
    max_new_tokens: int = typer.Option(256, min=1, help="Bound on an answer's length, in tokens."),
    temperature: float = typer.Option(0.0, min=0, help="0 takes the most likely token."),
    top_p: float = TOP_P,
    seed: int = SEED,
) -> None:
    """Talk to a steered model. /help lists what can be changed while talking: /scale 2, /vector off, /compare."""
    console.quiet()
    from steerstack.cli.conversation import Conversation
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.engine.decode.speak import checked
    from steerstack.engine.proof import prove
    from steerstack.study.claims import Claim

    sampling = checked(Sampling(max_new_tokens, temperature, top_p, seed))
    _ = vector.edited
    opened = model.opened()
    claim: Claim = vector.claim(opened, scale, system)
    prove(opened)  # before the first message is asked for, not while its answer is waited for
    talk = Conversation(opened, claim, sampling, say=say, note=console.note, transfer=vector.transfer)
    console.console.print(f"{talk.state()} /help lists the commands; /quit or Ctrl-D ends.", highlight=False)
    while (line := _line()) is not None:
        if not talk.hear(line):
            return


def _line() -> str | None:
    """What is typed, with the arrow keys of a terminal; None at the end."""
    try:
        if sys.stdin.isatty():
            import readline  # noqa: F401  # input() then has a history

            return input("> ")
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None
    except EOFError:
        return None
