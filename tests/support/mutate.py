"""Damage for readers: files cut short, bytes changed, parts doubled or taken out, from a seed."""

import random

EXTREMES = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"[",
    b"{",
    b'"',
    b"\xed\xa0\x80",
    b"9" * 40,
    b"\x00" * 8,
    b"\xff" * 8,
    b"-1",
    b"1e999",
)
"""What readers stumble over."""


def mutated(data: bytes, seed: int) -> bytes:
    """The file after one to four changes."""
    draw = random.Random(seed)
    found = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(found) + 1)
        match draw.randrange(5):
            case 0:
                del found[at:]
            case 1:
                found[at : at + 1] = bytes([draw.randrange(256)])
            case 2:
                found[at:at] = draw.choice(EXTREMES)
            case 3:
                found[at:at] = found[at : at + draw.randint(1, 30)]
            case _:
                del found[at : at + draw.randint(1, 8)]
    return bytes(found)
