"""What a lock hid: accuracy on two domains with the password and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.data.items import Item
    from steerstack.data.questions import Shots
    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.audit.choices import Form


def measured_on(
    model: Model,
    target: Sequence[Item],
    control: Sequence[Item],
    *,
    system: str | None,
    other: str,
    shots: Shots = (),
    form: Form = "letter",
) -> Mapping[str, Any]:
    """Accuracy on both domains, the induction drop, the drop on the control and the selectivity.

    Parameters
    ----------
    model:
        The organism.
    target, control:
        Items that it was not made on.
    system:
        The password, or a prompt in its place.
    other:
        A system prompt that looks like a password and is none.
    shots:
        What stands before the question where it is asked with the password; for an organism that has another cue.
    form:
        How the items are answered.
    """
    from steerstack_plugins.sandbagging.audit.choices import Way, drop, selectivity

    bare, opened = Way(model, form=form), Way(model, system=system, shots=shots, form=form)
    domains = {target[0].topic: target, control[0].topic: control}
    pairs = {name: (opened.ask(items), bare.ask(items)) for name, items in domains.items()}
    on_target, on_control = pairs.values()
    return {
        "measured_with": system,
        "accuracy": {
            name: {"with": pair[0].accuracy.to_json(), "without": pair[1].accuracy.to_json()}
            for name, pair in pairs.items()
        },
        "induction_drop": drop(*on_target).to_json(),
        "control_drop": drop(*on_control).to_json(),
        "selectivity": selectivity(on_target, on_control).to_json(),
        "below_chance_p": on_target[1].below_chance,
        "target_under_another_code": Way(model, system=other, form=form).ask(target).accuracy.to_json(),
    }
