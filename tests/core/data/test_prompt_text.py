"""Chat messages as prompts."""

import pytest

from steerstack.data.prompt_text import Prompt, prompt_of
from steerstack.errors import DataError


def test_turns_become_a_prompt():
    messages = [("system", "s"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d"), ("assistant", "e")]
    assert prompt_of(messages) == Prompt("d", "s", "e", (("a\n\nb", "c"),))


@pytest.mark.parametrize(
    "roles",
    ["", "system", "assistant", "assistant user", "user system user", "user tool", "user assistant tool user"],
)
def test_what_is_no_exchange_is_refused(roles):
    with pytest.raises(DataError, match="chat format"):
        prompt_of([(role, "x") for role in roles.split()])
