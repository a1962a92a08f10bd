"""YAML from elsewhere: plain values with their lines, or one error, whatever it is."""

import random

import pytest
import yaml
from tests.support.mutate import other_text

from steerstack.errors import DataError, StudyError
from steerstack.util.yaml_file import load_yaml, read_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGED = "a: &a {k: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
WRONG = {
    "nested": "[" * 100_000,
    "nested mappings": "{a: " * 2_000,
    "nested blocks": "- " * 50_000 + "x",
    "bomb": BOMB,
    "merged bomb": MERGED,
    "part of itself": "edits: &a [*a]",
    "mapping in itself": "a: &a\n  b: *a",
    "no anchor": "a: *b",
    "5,000 digits": "a: " + "9" * 5000,
    "500 digits": "a: " + "9" * 500,
    "float of minutes": "a: " + ":".join(["59"] * 900) + ":1.5",
    "hexadecimal": "a: 0x" + "f" * 100,
    "many values": "[" + "1," * 60_000 + "]",
    "13th month": "a: 2001-13-45",
    "tag of Python": "a: !!python/name:os.system",
    "empty integer": "a: !!int ''",
    "no time": "a: !!timestamp x",
    "no binary": "a: !!binary '\u00e9'",
    "list as key": "? [1]\n: 2",
    "mapping as key": "{{a: 1}: 2}",
    "twice": "a: 1\nb: 2\na: 3",
    "twice within": "a: [{b: 1, b: 2}]",
    "null character": 'a: "b\\0c"',
    "half of a character": 'a: "\\ud800"',
    "half as a key": '"\\udfff": 1',
    "raw control": "a: \x01",
    "two documents": "a: 1\n--- \nb: 2",
    "tab": "a:\n\t- b",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_one_error_for_whatever_is_wrong(text):
    with pytest.raises(StudyError, match="the file") as caught:
        load_yaml(text, "the file", StudyError, fix="Mend it.")
    assert caught.value.fix == "Mend it."
    assert len(str(caught.value)) < 1000


def test_where_it_is_wrong():
    for text, line in {"a: 1\nb: 2\na: 3": 3, "a:\n  - 1\n  - 99999999999999999999": 3, 'a: 1\nb: "\\0"': 2}.items():
        with pytest.raises(DataError, match=f"line {line}: "):
            load_yaml(text, "the file", DataError)


def test_what_is_right_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "common: &c {x: 1}\none: {<<: *c, y: [热情, '🔥']}\ntwo: [*c, *c]\nbig: 9223372036854775807\n", "utf-8"
    )
    document = read_yaml(path, DataError)
    assert document.value["one"] == {"x": 1, "y": ["热情", "🔥"]}
    assert document.value["two"] == [{"x": 1}, {"x": 1}]
    assert document.line(("two",)) == 3
    assert document.line(("one", "y", 1)) == 2
    assert load_yaml("", "nothing", DataError).value is None


def test_mutants_are_read_or_refused():
    """A fixed seed: 1,500 mutants of what is right and of what is wrong; none gives any other error."""
    chance = random.Random(20)
    right = yaml.safe_dump({"study": "sweep", "layers": [1, 2], "method": {"name": "pca", "n": 2.5}, "t": "a: b\n"})
    seeds = [right, "edits: [&e {vector: v, layer: 1}, *e]\n", *(text for text in WRONG.values() if len(text) < 200)]
    read = 0
    for _ in range(1_500):
        try:
            load_yaml(other_text(chance.choice(seeds), chance), "the file", DataError)
        except DataError:
            continue
        read += 1
    assert 100 < read < 1_400
