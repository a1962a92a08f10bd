"""A run that waits comes back as it was; whatever somebody makes of its files is one error, and stops no other run."""

import json
import math
import re

import pytest

from steerstack.errors import RegistryError, SteerstackError
from steerstack_registry.write import kept_run
from steerstack_registry.write.delivery import prepare
from steerstack_registry.write.outbox import keep, pending, send_all

DOWN = "http://127.0.0.1:9"
WRONG = [None, True, 2.5, 7, "text", [], [3], {}, {"a": 3}, [{}], [["a"]]]
FREE = {"parameters", "result"}
"""Fields that hold any object."""


@pytest.fixture
def kept(store, make_run):
    return keep(prepare(make_run()), DOWN)


def change(folder, **fields):
    file = folder / kept_run.RECORD
    content = json.loads(file.read_text())
    for name, value in fields.items():
        content.pop(name) if value is ... else content.update({name: value})
    file.write_text(json.dumps(content))


def test_it_comes_back_whole(kept, make_run):
    delivery, meant_for = kept_run.read(kept)
    run, given = delivery.run, make_run()
    assert meant_for == DOWN
    assert delivery.record_id == kept.name
    assert {role: v.fingerprint for role, v in run.vectors.items()} == {
        r: v.fingerprint for r, v in given.vectors.items()
    }
    assert [file.read_bytes() for file in run.files] == [file.read_bytes() for file in given.files]
    assert run.effects[0] == given.effects[0]
    assert math.isnan(run.effects[1].value)
    assert (run.verdict, run.card, run.n_items) == (given.verdict, given.card, given.n_items)


def test_an_earlier_version_kept_less(kept):
    change(kept, verdict=..., failures=..., card=...)
    run = kept_run.read(kept)[0].run
    assert (run.verdict, run.failures, run.card) == ("", {}, "")


def test_a_field_of_another_kind_is_one_error_that_names_it(kept):
    file = kept / kept_run.RECORD
    whole = file.read_text()
    for name, right in json.loads(whole).items():
        for wrong in WRONG:
            file.write_text(json.dumps({**json.loads(whole), name: wrong}))
            if type(wrong) is type(right) and (name in FREE or wrong in (7, "text", {}, [])):
                kept_run.read(kept)
                continue
            with pytest.raises(SteerstackError, match=re.escape(str(kept))) as caught:
                kept_run.read(kept)
            assert name in caught.value.seen
    for content in ("", "[]", "null", "[" * 100_000, '{"kind": ' + "9" * 5000 + "}", whole[:-40]):
        file.write_text(content)
        with pytest.raises(RegistryError):
            kept_run.read(kept)


@pytest.mark.parametrize(
    "name", ["../record.json", "0/../../record.json", "/etc/passwd", "0/gone.png", "0", "", "x/arms.png"]
)
def test_a_file_of_another_place_is_not_sent(kept, name):
    change(kept, files=[name])
    with pytest.raises(RegistryError, match="lacks a file"):
        kept_run.read(kept)


def test_one_that_is_damaged_stops_no_other(kept, store, make_run):
    keep(prepare(make_run(n_items=21)), DOWN)
    change(kept, tracking_uri=True)
    with pytest.raises(RegistryError, match="1 sent, 1 still waiting") as caught:
        send_all(store)
    assert "tracking_uri" in caught.value.seen
    assert pending() == [kept]
