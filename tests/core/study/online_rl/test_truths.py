"""A real model in which adapters can learn the right answer and one vector cannot; benchmarks/truths.py has the rest."""

from benchmarks.truths import VECTOR, outcomes, says_worse, worse


def test_a_vector_that_cannot_learn_is_said_to_be_worse_than_adapters(tmp_path):
    result = worse(0, tmp_path)
    assert says_worse(result), result.verdict
    assert outcomes(result)[VECTOR, "", "test"] == "not resolved"
    assert sum(weights.numel() for weights in result.model.module.parameters()) < 15_000
