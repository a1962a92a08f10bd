"""Progress: the whole is known before it begins, its parts add up to it, and a resumed study begins where it was."""

from dataclasses import replace

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.questions import ask, times_asked
from steerstack.measure.arm import Arm
from steerstack.run.arms import SHARD, Measure
from steerstack.run.ledger import Ledger
from steerstack.run.progress import Advance, Amount, Progress
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH

PLANS = [Plan(), Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), 1.0),))]


class Heard:
    """What a person at the screen is told."""

    def __init__(self):
        self.total, self.earlier, self.done = {}, {}, {}

    def tell(self, event):
        match event:
            case Amount(what, total, done):
                self.total[what] = self.total.get(what, 0) + total
                self.earlier[what] = self.earlier.get(what, 0) + done
            case Advance(what, more):
                assert what in self.total  # announced first
                self.done[what] = self.done.get(what, 0) + more


def many(table, count):
    """So many items, of more than one shard: those of the table over and over."""
    data = load_data(table)
    return data.take(tuple(replace(data.items[n % len(data)], id=f"{n}") for n in range(count)))


def measured(model, data, mode, folder, plans=PLANS):
    heard = Heard()
    measure = Measure(mode, Ledger(folder), Progress(heard.tell))
    measure.arms("arms", data, [Arm(model, plan) for plan in plans])
    measure.costs("costs", model, plans[1:])
    return heard


@pytest.mark.parametrize("mode", ["letter", "yes-no", "text"])
@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_what_is_done_adds_up_to_what_was_announced(tiny, table, tmp_path, mode, architecture):
    model, data = tiny(architecture), many(table, SHARD + 3)
    heard = measured(model, data, mode, tmp_path / "study")
    assert heard.total["arms"] == len(ask(model.format, data, mode)) * len(PLANS)
    assert heard.done == heard.total
    assert heard.earlier == {"arms": 0, "costs": 0}


@pytest.mark.parametrize("mode", ["letter", "yes-no", "text"])
def test_an_item_is_asked_as_often_as_is_said(llama, table, mode):
    data = load_data(table).limit(4)
    assert [times_asked(item, mode) for item in data] == [
        len(ask(llama.format, data.take((item,)), mode)) for item in data
    ]


def test_finished_steps_of_a_resumed_study_count_at_once(llama, table, tmp_path):
    data = many(table, SHARD + 5)
    first, arms = data.take(data.items[:SHARD]), [Arm(llama, plan) for plan in PLANS]
    Measure("text", Ledger(tmp_path)).arms("arms", first, arms)  # as if killed then
    heard = measured(llama, data, "text", tmp_path)
    assert (heard.total["arms"], heard.earlier["arms"], heard.done["arms"]) == (2 * SHARD + 10, 2 * SHARD, 10)
    again = measured(llama, data, "text", tmp_path)
    assert again.earlier == again.total
    assert not again.done
