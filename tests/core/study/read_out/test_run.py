"""Read-out on two planted models: in one the direction that reads also steers, in the other it is only read."""

import numpy as np
import pytest
import torch
from scipy import stats

from steerstack.data.questions import ask
from steerstack.errors import StudyError
from steerstack.measure.residual_norms import residual_norms
from steerstack.study.read_out.study import ReadOut
from steerstack.testing import planted_data, planted_model
from steerstack.testing.models import tiny_tokenizer
from steerstack.testing.planted import planted_direction
from steerstack.trace.open import open_model
from steerstack.trace.trainable import clone

LAYER, DATA = 2, planted_data(40)


def silent_model():
    """The planted model, whose output embeddings are blind along the planted direction: it is read and says nothing."""
    module = clone(planted_model())
    direction = planted_direction("resid_post", 0, 32)
    other = torch.randn(32, generator=torch.Generator().manual_seed(5))
    ids = [tiny_tokenizer().convert_tokens_to_ids(text) for text in ("Yes", "No")]
    with torch.no_grad():
        table = module.get_output_embeddings().weight
        table[ids[0]] += 0.3 * other  # the two are told apart by something else
        table -= (table @ direction)[:, None] * direction
    return open_model(module, tokenizer=tiny_tokenizer())


def run(model, folder, **fields):
    study = ReadOut(data="planted", layers=(LAYER,), score="yes-no", position="answer", **fields)
    return study.run(model, data=DATA, folder=folder)


@pytest.fixture(scope="module")
def steering(tmp_path_factory):
    return run(planted_model(), tmp_path_factory.mktemp("steering"), erasures=5, share=0.5)


def test_a_direction_that_reads_and_steers_is_said_to(steering):
    (found,) = steering.layers
    assert found.reads
    assert found.outcome == "steers"
    assert steering.verdict.startswith(f"The direction that reads the behaviour also steers it at layer {LAYER}.")
    assert "needs 39 random ones, and there are 5" in steering.verdict


def test_a_direction_that_is_only_read_is_said_not_to_steer(tmp_path):
    result = run(silent_model(), tmp_path, erasures=2, share=0.1, margin=0.2)
    (found,) = result.layers
    assert found.reads
    assert found.outcome == "does not steer"
    assert f"can be read at layer {LAYER}, and the direction does not steer it there" in result.verdict


def test_numbers_are_those_of_the_frame_and_of_the_activations(steering):
    frame, (found,) = steering.frame(), steering.layers
    odds = {arm: of.set_index("item").log_odds for arm, of in frame.groupby("arm")}
    moved = odds[f"added at {LAYER}"] - odds["bare"]
    assert found.added.value == pytest.approx(moved.mean())
    assert found.erased.value == pytest.approx((odds[f"erased at {LAYER}"] - odds["bare"]).mean())
    assert len(found.random) == 5
    for k, one in enumerate(found.random):
        assert one == pytest.approx((odds[f"random {k} erased at {LAYER}"] - odds["bare"]).mean())

    model, vector = steering.model, steering.vector
    assert found.scale * vector.norms[LAYER] == pytest.approx(0.5 * residual_norms(model)[LAYER])
    along = {name: [] for name in moved.index}
    for question in ask(model.format, steering.data, "yes-no"):
        if question.item.id in along:
            ids = torch.tensor([question.exhibits.ids[: question.exhibits.answer_start]])
            states = model.module(ids, output_hidden_states=True).hidden_states[LAYER + 1].detach()
            along[question.item.id].append(float(states[0, -1] @ vector[LAYER] / vector[LAYER].norm()))
    where = [np.mean(along[name]) for name in moved.index]
    assert found.tracks.value == pytest.approx(stats.spearmanr(where, moved).statistic, abs=0.05)
    assert found.tracks.n == len(moved)


def test_page_json_and_claims_hold_the_same(steering):
    value = steering.to_json()
    assert [one["layer"] for one in value["layers"]] == [LAYER]
    assert value["layers"][0]["rank"] == steering.layers[0].rank
    assert "Read-out and steering" in [table.title for table in steering.page().tables]
    assert steering.claims.arms[0].plan().fingerprint
    assert {effect.name for effect in steering.effects} >= {f"added at {LAYER}", f"erased at {LAYER}"}


def test_a_vector_that_acts_in_another_way_is_refused(tmp_path):
    with pytest.raises(StudyError, match="acts by the edit leace"):
        run(planted_model(), tmp_path, method={"name": "leace"})


@pytest.mark.parametrize("fields", [{"share": 0}, {"erasures": 0}, {"layers": (1, 1)}, {"margin": -1}])
def test_a_wrong_declaration_is_refused(fields):
    with pytest.raises(StudyError, match="does not fit"):
        ReadOut.make({"data": "planted", **fields})
