"""A conversation with a steered model: what was said so far, what acts, and the commands that change it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steerstack.cli import assignments
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.speak import checked, speak
from steerstack.errors import SteerstackError, nearest
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.util import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from steerstack.engine.decode.sampling import Sampling
    from steerstack.study.claims import Claim
    from steerstack.trace.model import Model

COMMANDS = {
    "scale": ("2", "Strength of the vector; 0 for none."),
    "vector": ("off | on | FILE", "Take the vector away, bring it back, or take another one."),
    "layer": ("14 | 10,14 | all", "Where it acts."),
    "tokens": ("response", "Which tokens are edited: all, prompt, response, last, or positions."),
    "compare": ("[on | off]", "Answer twice, unsteered and steered; the steered answer goes into the history."),
    "again": ("", "Answer the last message once more, after a change of strength for instance."),
    "system": ("TEXT | off", "System prompt."),
    "temperature": ("0.7", "0 takes the most likely token."),
    "length": ("256", "Bound on an answer's length, in tokens."),
    "seed": ("1", "Seed of the draws."),
    "history": ("", "What was said so far."),
    "forget": ("", "Begin anew; vector and settings stay."),
    "state": ("", "What acts now."),
    "help": ("", "This list."),
    "quit": ("", "End; so does Ctrl-D."),
}
"""Every command: how it is written, and what it does."""


class Conversation:
    """Takes lines, a message or a command each, and says what comes of them.

    Parameters
    ----------
    model:
        Who answers.
    applied:
        What acts at first; its vector may be None.
    sampling:
        How tokens are chosen.
    say:
        Takes pieces of text as they come.
    note:
        Takes remarks: counts, errors, lists.
    transfer:
        Whether vectors from other weights are wanted.
    """

    def __init__(
        self, model: Model, applied: Claim, sampling: Sampling, *, say: Callable[[str], None],
        note: Callable[[str], None], transfer: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.applied, self.sampling, self.transfer = model, applied, sampling, transfer
        self.history: list[tuple[str, str]] = []
        self.off = self.compare = False
        self._say, self._note = say, note

    @property
    def plan(self) -> Plan:
        """What acts now."""
        return Plan() if self.off else self.applied.plan()

    def state(self) -> str:
        """What acts now, in words."""
        vector = self.applied.vector
        if vector is None:
            return f"{self.model.name}, unsteered."
        where = f"layer {show.ranges(self.applied.layers)}, scale {self.applied.scale:g}, on {self.applied.tokens}"
        name = f"{vector.origin.behavior} by {vector.origin.method}"
        return f"{self.model.name} with {name}, {where}{' (off)' if self.off else ''}."

    def hear(self, line: str) -> bool:
        """Take one line; False where it ended the conversation. What is wrong with it is said, and changes nothing."""
        text = line.strip()
        try:
            if text.startswith("/"):
                name, _, rest = text[1:].partition(" ")
                return self._command(name, rest.strip())
            if text:
                self._answer(text)
        except SteerstackError as error:
            self._note(str(error))
        except KeyboardInterrupt:
            self._say("\n")
            self._note("Stopped; what was said of this answer is not in the history.")
        return True

    def _answer(self, message: str) -> None:
        prompt = self._prompt(message)
        arms = [("unsteered", Plan())] if self.compare else []
        reply = None
        for label, plan in [*arms, ("steered", self.plan)]:
            if self.compare:
                self._say(f"{label}: ")
            reply = speak(self.model, [prompt], [plan], self.sampling, heard=lambda *args: self._say(args[-1]))[0][0]
            self._say("\n")
        assert reply is not None
        self.history.append((message, reply.text))
        if len(self.plan):
            self._note(f"{reply.edited_positions} positions edited")

    def _prompt(self, message: str) -> Prompt:
        """The message after what was said before, of which the oldest turns go where the model's context is full."""
        room = getattr(self.model.config, "max_position_embeddings", None)
        while True:
            prompt = Prompt(message, self.applied.system, history=tuple(self.history))
            length = len(self.model.format.sequence(prompt)) + self.sampling.max_new_tokens
            if room is None or length <= room:
                return prompt
            if not self.history:
                raise SteerstackError(
                    "The message is too long for the model.",
                    seen=f"{length} tokens with room for the answer, of {room}",
                    fix="Shorten it, or set a lower /length.",
                )
            del self.history[0]
            self._note("The model's context is full: the oldest turn is forgotten.")

    def _command(self, name: str, rest: str) -> bool:
        if name in ("quit", "exit", "q"):
            return False
        if name not in COMMANDS:
            raise SteerstackError(f"There is no command /{name}.", fix=f"{nearest(name, COMMANDS)}; /help tells more.")
        usage, _ = COMMANDS[name]
        if bool(rest) and not usage:
            raise SteerstackError(f"/{name} takes nothing.", seen=rest)
        if not rest and usage and not usage.startswith("["):
            raise SteerstackError(f"/{name} needs a value.", fix=f"Write /{name} {usage}.")
        getattr(self, f"_{name}")(*([rest] if usage else []))
        return True

    def _change(self, **changes: Any) -> None:
        """Change what acts, if a plan can be made of it."""
        state = replace(self.applied, **changes)
        self.model.check_plan(state.plan())
        self.applied = state
        self._state()

    def _scale(self, text: str) -> None:
        self._check_vector()
        self.off = False
        self._change(scale=self._number(text, float))

    def _layer(self, text: str) -> None:
        vector = self._check_vector()
        layers = vector.layers if text == "all" else assignments.numbers(text, int, "layers")
        self._change(layers=layers)

    def _tokens(self, text: str) -> None:
        self._change(tokens=str(Tokens.parse(text)))

    def _vector(self, text: str) -> None:
        if text in ("off", "on"):
            self._check_vector()
            self.off = text == "off"
            self._state()
            return
        from steerstack.exchange.load_vector import load_vector

        vector = load_vector(text)
        self.model.check_vector(vector, transfer=self.transfer)
        layers = [layer for layer in self.applied.layers if layer in vector.layers]
        self.off = False
        self._change(
            vector=vector, layers=layers or [vector.layers[len(vector.layers) // 2]], scale=self.applied.scale or 1.0
        )

    def _compare(self, text: str) -> None:
        if text not in ("", "on", "off"):
            raise SteerstackError(
                f"{text!r} is neither on nor off.", fix="Write /compare, /compare on or /compare off."
            )
        self.compare = text == "on" if text else not self.compare
        self._note("Each message is answered twice." if self.compare else "Each message is answered once.")

    def _again(self) -> None:
        if not self.history:
            raise SteerstackError("Nothing was said yet.", fix="Write a message first.")
        last = self.history.pop()
        before = len(self.history)
        try:
            self._answer(last[0])
        finally:
            if len(self.history) <= before:
                self.history.append(last)

    def _system(self, text: str) -> None:
        self.applied = replace(self.applied, system=None if text == "off" else text)
        self._note("No system prompt." if text == "off" else "The system prompt holds from the next message on.")

    def _temperature(self, text: str) -> None:
        self.sampling = checked(replace(self.sampling, temperature=self._number(text, float)))

    def _length(self, text: str) -> None:
        self.sampling = checked(replace(self.sampling, max_new_tokens=self._number(text, int)))

    def _seed(self, text: str) -> None:
        self.sampling = replace(self.sampling, seed=self._number(text, int))

    def _history(self) -> None:
        self._note("\n".join(f"you: {user}\nmodel: {answer}" for user, answer in self.history) or "Nothing yet.")

    def _forget(self) -> None:
        self.history.clear()
        self._note("Forgotten.")

    def _state(self) -> None:
        self._note(self.state())

    def _help(self) -> None:
        self._note("\n".join(f"/{name} {usage}".ljust(24) + about for name, (usage, about) in COMMANDS.items()))

    def _check_vector(self) -> Any:
        if self.applied.vector is None:
            raise SteerstackError(
                "There is no vector.", fix="Write /vector FILE, or begin with --vector FILE --layer L."
            )
        return self.applied.vector

    def _number(self, text: str, kind: Callable[[str], Any]) -> Any:
        try:
            return kind(text)
        except ValueError as error:
            raise SteerstackError(f"{text!r} is no number that fits.", fix="Write a number, such as 2.") from error
