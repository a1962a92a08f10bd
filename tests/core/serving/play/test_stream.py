"""Work whose word goes to the page as it comes, and ends once nobody listens."""

import asyncio
import json
import threading

from steerstack.serving.play.stream import ModelThread


async def heard(response, most=None):
    events = []
    async for event in response.body_iterator:
        events.append(json.loads(event.removeprefix("data: ")))
        if len(events) == most:
            await response.body_iterator.aclose()
    return events


def endless(say):
    while True:
        say({"more": True})
        threading.Event().wait(0.001)  # a token takes a while, too


def failing(say):
    say({"more": False})
    raise ValueError("<b>odd</b>")


def test_work_ends_when_the_page_goes_away_and_the_next_is_done():
    async def both():
        with ModelThread() as thread:
            assert await heard(thread.stream(endless), most=3) == [{"more": True}] * 3
            return await heard(thread.stream(lambda say: say({"next": 1})))

    assert asyncio.run(both()) == [{"next": 1}]


def test_an_error_of_any_kind_is_the_last_word(caplog):
    async def one():
        with ModelThread() as thread:
            return await heard(thread.stream(failing))

    first, last = asyncio.run(one())
    assert first == {"more": False}
    assert last == {"error": {"happened": "ValueError: <b>odd</b>", "seen": "", "fix": ""}}
    assert "The page's question failed" in caplog.text
