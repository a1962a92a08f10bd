"""What is typed is read as it stands, or refused by one error."""

import pytest

from steerstack.cli import assignments
from steerstack.errors import ParameterError


def test_settings_are_read():
    assert assignments.settings(["rank=4", "a-b=[1, 2]", 'c={"d": null}']) == {
        "rank": "4",
        "a_b": [1, 2],
        "c": {"d": None},
    }
    typed = ["a=007", "b=-3", "c=false", "d=[1, x]", "e=low=er", "f=0x1", "g=" + "9" * 400]
    read = {"a": 7, "b": -3, "c": False, "d": [1, "x"], "e": "low=er", "f": "0x1", "g": "9" * 400}
    assert assignments.values(typed) == read


@pytest.mark.parametrize("read", [assignments.settings, assignments.values])
@pytest.mark.parametrize(
    "value", ["[" * 100_000, '{"a":' * 100_000, "[" + "9" * 5000 + "]", "{", "[1", '{"a": 1, "a": 2}'],
    ids=["lists", "objects", "digits", "open", "open list", "twice"],
)  # fmt: skip
def test_what_cannot_be_read_is_one_error(read, value):
    with pytest.raises(ParameterError) as caught:
        read([f"name={value}"])
    assert "name" in caught.value.happened
    assert len(str(caught.value)) < 1000
