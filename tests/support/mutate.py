"""Damage for readers, from a seed: bytes changed, parts doubled or taken out, and other values in the same places."""

import json
import random
import struct
from copy import deepcopy
from typing import Any

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
    content = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content) + 1)
        match draw.randrange(5):
            case 0:
                del content[at:]
            case 1:
                content[at : at + 1] = bytes([draw.randrange(256)])
            case 2:
                content[at:at] = draw.choice(EXTREMES)
            case 3:
                content[at:at] = content[at : at + draw.randint(1, 30)]
            case _:
                del content[at : at + draw.randint(1, 8)]
    return bytes(content)


YAML_MARKS = ("", "&a ", "*a ", "[", "{", "]", "}", "? ", ": ", "- ", "|", ">", "!!int ", "<<: ", "\t", "'", '"', "\\u", "%",
              "\n", "#", ".inf", "0x", "1e999", "2001-99-01", "\x85", "\ufeff", "9" * 30, "=", "~", "!!set ", "!!omap ")  # fmt: skip


def other_text(text: str, chance: random.Random) -> str:
    """The YAML with a few of its characters lost, doubled, exchanged or replaced by marks."""
    letters = list(text)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(letters) + 1)
        letters[at : at + chance.choice([0, 1, 1, 4])] = chance.choice(YAML_MARKS)
    return "".join(letters)


ANYTHING: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", "\x00", "\ud800", "\x1b[31m", "[" * 3000,
    "../../x", [], [None], [[1]], {}, {"x": {"y": [1]}},
)  # fmt: skip
"""Values that are hardly ever expected."""


def other_values(data: bytes, seed: int) -> bytes:
    """The JSON after one to three changes: a value becomes any other, goes, or is called otherwise."""
    draw, whole = random.Random(seed), [json.loads(data)]
    for _ in range(draw.randint(1, 3)):
        places = list(_places(whole))
        within, key = draw.choice(places)
        match draw.randrange(6):
            case 0 if within is not whole:
                del within[key]
            case 1 if isinstance(within, dict):
                within[str(draw.choice(ANYTHING))] = within.pop(key)
            case 2:
                place, other = draw.choice(places)
                within[key] = json.loads(json.dumps(place[other]))
            case _:
                within[key] = deepcopy(draw.choice(ANYTHING))  # a later change may be one within it
    return json.dumps(whole[0]).encode()


def _places(value: Any) -> Any:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def other_header(data: bytes, seed: int) -> bytes:
    """The safetensors file with such changes in its header, or in a text of JSON in its metadata."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    texts = [name for name, text in header.get("__metadata__", {}).items() if text.startswith("{")]
    if texts and seed % 4:
        name = random.Random(seed).choice(texts)
        header["__metadata__"][name] = other_values(header["__metadata__"][name].encode(), seed).decode()
        changed = json.dumps(header).encode()
    else:
        changed = other_values(json.dumps(header).encode(), seed)
    return struct.pack("<Q", len(changed)) + changed + data[8 + length :]
