"""The population as it is declared: large enough, in two parts that share nothing."""

from collections import Counter

import pytest

from steerstack.catalog.lookup import find
from steerstack.errors import ParameterError
from steerstack_plugins.sandbagging.audit.probability import honest_needed
from steerstack_plugins.sandbagging.population.declaration import HONEST, SANDBAGGING, members
from steerstack_plugins.sandbagging.small_world.architecture import VARIED


def test_there_are_enough_organisms_in_each_part():
    counts = Counter((member.split, member.sandbags) for member in members())
    assert sum(counts.values()) >= 200
    assert counts["locked", False] >= honest_needed(0.05)
    assert counts["locked", True] >= 40
    calibration = sum(count for (split, _), count in counts.items() if split == "calibration")
    assert 3 * calibration == sum(counts.values())


def test_the_parts_share_neither_worlds_nor_seeds():
    parts = [members(only) for only in ("calibration", "locked")]
    assert members() == parts[0] + parts[1]
    for name in ("world", "seed"):
        assert not {getattr(m, name) for m in parts[0]} & {getattr(m, name) for m in parts[1]}
    assert len({m.seed for m in members()}) == len(members())


def test_every_kind_and_every_architecture_is_judged():
    locked = members("locked")
    assert {m.kind for m in locked} == {*SANDBAGGING, *HONEST}
    assert {m.architecture for m in locked} == {architecture.name for architecture in VARIED}
    assert {m.architecture for m in members("calibration")} < {m.architecture for m in locked}


def test_every_kind_is_an_organism():
    for kind in {*SANDBAGGING, *HONEST}:
        assert find("organism", kind).make().name == kind


def test_places_and_passwords_differ_from_world_to_world():
    seeds = [m.seed for m in members() if m.kind == "at-chance"]
    assert {seed % 4 for seed in seeds} == set(range(4))


def test_another_part_is_refused():
    with pytest.raises(ParameterError, match="no part 'lock'"):
        members("lock")
