"""What a pickle would take, counted from its instructions before it is read.

A few bytes can make a reader reserve gigabytes (a place in its memory of two billion), or keep it busy for ever (tuples
of tuples that are each named twice, and hashed).
"""

import pickle
import pickletools
from typing import Any

REFUSED = {"BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "NEXT_BUFFER"}
"""Instructions that make or change objects of a class; all that is wanted does without."""

UNFOLDED = 10_000_000
"""Values that one may stand for, those counted again that are named again."""

_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_MARK = -1


def check_bounds(data: bytes) -> None:
    """Look at every instruction.

    Parameters
    ----------
    data:
        A pickle.

    Raises
    ------
    pickle.UnpicklingError
        An instruction is refused, names a place beyond what so short a pickle can fill, or makes a value that unfolds
        into more than ``UNFOLDED`` others.
    """
    stack: list[int] = []  # of each value, how many it stands for
    memory: dict[Any, int] = {}
    for instruction, told, _ in pickletools.genops(data):
        name = instruction.name
        if name in REFUSED:
            raise pickle.UnpicklingError(f"the instruction {name}")
        if name in _PUTS or name == "MEMOIZE":
            place = len(memory) if name == "MEMOIZE" else told
            if not isinstance(place, int) or place > len(data):
                raise pickle.UnpicklingError(f"a value in place {str(place)[:20]} of {len(data)} bytes")
            memory[place] = stack[-1]
        elif name in _GETS:
            stack.append(memory[told])
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "POP":
            stack.pop()
        else:
            _step(stack, instruction)


def _step(stack: list[int], instruction: Any) -> None:
    """Take off what an instruction takes, and put on what it makes of that."""
    taken, before = 1, instruction.stack_before
    if pickletools.markobject in before:
        while (weight := stack.pop()) != _MARK:
            taken += weight
        before = before[: before.index(pickletools.markobject)]
    for _ in before:
        taken += stack.pop()
    if taken > UNFOLDED:
        raise pickle.UnpicklingError(f"a value that unfolds into more than {UNFOLDED:,} others")
    stack += [_MARK if made is pickletools.markobject else taken for made in instruction.stack_after]
