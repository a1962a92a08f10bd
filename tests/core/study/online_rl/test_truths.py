"""Real models in which it is known what can learn, and what an edit moves; benchmarks/truths.py has the rest."""

from benchmarks.truths import (
    LABELS,
    VECTOR,
    choices,
    choices_and_text,
    outcomes,
    says_choices,
    says_choices_and_text,
    says_worse,
    worse,
)  # fmt: skip


def test_a_vector_that_cannot_learn_is_said_to_be_worse_than_adapters(tmp_path):
    result = worse(0, tmp_path, seeds=2, items=48)
    assert says_worse(result), result.verdict
    assert outcomes(result)[VECTOR, "", "test"] == "not resolved"
    assert sum(weights.numel() for weights in result.model.module.parameters()) < 15_000


def test_an_edit_that_moves_log_odds_and_leaves_every_answer_is_said_to_move_choices_alone(tmp_path):
    result = choices(0, tmp_path, seeds=2)
    assert says_choices(result), result.verdict
    assert not result.gains(LABELS, "test").any()
    assert result.gains(LABELS, "test", "behaviour").min() > 1
    assert "what the bare model's do on 100% of the items" in result.verdict
    assert f"{VECTOR} kept nothing of its training under any seed." in result.verdict


def test_the_same_edit_where_answers_follow_is_not(tmp_path):
    result = choices_and_text(0, tmp_path, seeds=2)
    assert says_choices_and_text(result), result.verdict
