"""Null techniques: as many of each family as are asked for, each drawn by a seed of its own."""

from steerstack.techniques.null_techniques import family_of, null_techniques
from steerstack.testing.planted import planted_data, planted_model


def test_each_null_has_a_name_and_a_draw_of_its_own():
    techniques = null_techniques("agreeing", 2, layers=(1,), shares=(0.2,))
    names = [one.name for one in techniques]
    assert names[:4] == ["null: random", "null: shuffled-labels", "null: random 1", "null: shuffled-labels 1"]
    assert [family_of(name) for name in names[:4]] == ["random", "shuffled labels"] * 2
    assert [family_of(name) for name in (names[4], "random", "mean-difference")] == ["", "", ""]
    fits = [one.fit(planted_model(), planted_data(8), None, "yes-no", 0) for one in techniques[:4]]
    assert len({one.record["vector"] for one in fits}) == 4
    assert all(one.vector is None for one in fits)
