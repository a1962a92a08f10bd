"""The answer form is the one in which the labels hold most and the content decides, and the result says which."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item
from steerstack.data.manner import Manner, TriedForm
from steerstack.data.questions import ask
from steerstack.data.splits import split
from steerstack.errors import DataError
from steerstack.measure import competence
from steerstack.measure.evaluate import evaluate
from steerstack.measure.form_choice import (
    LIMIT,
    best_form,
    items_for_choice,
    own_form,
    remark_on,
    settle_form,
    try_forms,
)
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.study.sweep.study import Sweep
from steerstack.testing.models import WIDTH, tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model


def naive_mass(model, data, mode, plan=None):
    """Oracle: the mass of both labels at every place where one is answered, from passes over whole sequences."""
    masses = {}
    for question in ask(model.format, data, mode):
        held = sum(np.exp(naive_score(model, side, plan or Plan())[-1]) for side in question.pair)
        masses.setdefault(question.item.id, []).append(held)
    return float(np.mean([np.mean(of_item) for of_item in masses.values()]))


@pytest.mark.parametrize("mode", ["letter", "yes-no"])
def test_what_forms_show_equals_passes_of_their_own(llama, table, mode):
    data = load_data(table).limit(4)
    tried = try_forms(llama, data, mode)
    assert {one.form for one in tried} >= {"A", "Answer: A"}
    for one in tried:
        model = llama.asked(Manner(form=one.form))
        assert one.mass == pytest.approx(naive_mass(model, data, mode), rel=1e-3)
        signs = {}
        for question in ask(model.format, data, mode):
            exhibits, contrast = (sum(naive_score(model, side, Plan())) for side in question.pair)
            signs.setdefault(question.item.id, set()).add(exhibits > contrast)
        assert one.swap_consistency == pytest.approx(np.mean([len(outcomes) == 1 for outcomes in signs.values()]))


def test_the_best_form_has_enough_of_both_or_the_best_product():
    def tried(**figures):
        return [TriedForm(form, mass, consistency, 30) for form, (mass, consistency) in figures.items()]

    assert best_form(tried(a=(0.9, 0.6), b=(0.5, 0.95), c=(0.45, 1.0))).form == "b"
    assert best_form(tried(a=(0.14, 1.0), b=(0.49, 0.56))).form == "b"
    assert best_form(tried(a=(0.39, 1.0), b=(0.1, 0.2))).form == "a"
    assert best_form(tried(a=(0.3, None), b=(0.6, None))).form == "b"


def sorted_by_topic(n):
    """A file of four topics, one after the other."""
    topics = sorted(["politics", "language", "philosophy", "weather"] * (n // 4))
    items = [Item(f"i{i}", f"Question {i}?", ("yes", "no"), i % 2, 1 - i % 2, topic=of) for i, of in enumerate(topics)]
    return DataSet("agreement", tuple(items), "agrees", "made")


@pytest.mark.parametrize("n", [12, 40, 120, 400])
def test_forms_are_tried_on_many_items_of_every_kind_and_on_none_of_the_test(n):
    data = sorted_by_topic(n)
    parts, found = split(data), items_for_choice(data)
    assert found.items == items_for_choice(parts).items
    assert len(found) == min(LIMIT, len(parts.train) + len(parts.validation))
    assert not {item.id for item in found} & {item.id for item in parts.test}
    assert sum(item in parts.validation.items for item in found) == min(LIMIT, len(parts.validation))
    shares = [sum(item.topic == topic for item in found) / len(found) for topic in {item.topic for item in data}]
    assert shares == pytest.approx([0.25] * 4, abs=0.11)


def test_of_a_set_too_small_to_split_all_items_serve():
    assert len(items_for_choice(sorted_by_topic(4).limit(2))) == 2


def test_whether_a_model_reads_is_checked_on_items_from_all_over_the_set(llama, monkeypatch):
    monkeypatch.setattr(competence, "LIMIT", 3)
    data = sorted_by_topic(8).take(sorted_by_topic(8).items[:6])
    expected = naive_mass(llama, data.take(data.items[::2]), "letter")
    assert competence.check_competence(llama, data).mass.mean == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("mode", ["letter", "yes-no"])
def test_every_result_by_label_says_its_mass_and_its_form(llama, table, mode):
    data, plan = load_data(table).limit(4), Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), 0.5),))
    for model in (llama, llama.asked(Manner(form=" A"))):
        evaluation = evaluate(model, data, mode, plan)
        result = evaluation.to_json()
        assert result["label_mass"]["mean"] == pytest.approx(naive_mass(evaluation.model, data, mode, plan), rel=1e-3)
        assert result["label_mass"]["unsteered"] == pytest.approx(naive_mass(evaluation.model, data, mode), rel=1e-3)
        assert result["label_mass"]["form"].endswith("A" if mode == "letter" else "Yes")
        assert "of the probability" in result["warning"]  # a random model's labels hold next to nothing
        assert result["competence"]["label_mass"]["form"] == result["label_mass"]["form"]
    assert result["label_mass"]["form"] == (" A" if mode == "letter" else " Yes")
    assert "label_mass" not in evaluate(llama, data, "text", plan).to_json()


def test_a_form_that_was_given_is_kept_and_text_needs_none(llama, table):
    data = load_data(table).limit(4)
    model = llama.asked(Manner(form="Answer: A"))
    assert settle_form(model, data, "letter") is model
    assert settle_form(llama, data, "text") is llama
    assert remark_on(model, "letter") is None
    choice = settle_form(llama, data, "letter")
    assert choice.format.manner.form == best_form(choice.format.manner.tried).form
    assert "No form has a label mass of 0.4" in remark_on(choice, "letter")
    assert llama.format.manner.form is None


def writes(text):
    """A tiny model that writes a text, each of whose characters occurs once, after a line break."""
    module, tokenizer = tiny_model("llama"), tiny_tokenizer()
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.zero_()
        embedding, head = module.get_input_embeddings().weight, module.get_output_embeddings().weight
        head.zero_()
        ids = tokenizer("\n" + text + "<|im_end|>", add_special_tokens=False)["input_ids"]
        for before, after in pairwise(ids):
            head[after] = 3 * embedding[before]
    return open_model(module, tokenizer=tokenizer)


@pytest.mark.parametrize(("text", "form"), [("=>A)", "=>A"), ("(A)", None), ("A plan", None), ("Hm.", None)])
def test_a_models_own_form_is_how_it_begins_its_answer(table, text, form):
    assert own_form(writes(text), load_data(table).limit(4), "letter") == form


def test_a_models_own_form_is_chosen_where_it_holds_most(table):
    model = writes("=>A)")
    manner = settle_form(model, load_data(table).limit(4), "letter").format.manner
    assert manner.form == "=>A"
    assert max(manner.tried, key=lambda one: one.mass).form == "=>A"


def test_forms_that_the_tokenizer_cannot_write_are_left_out(table):
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["(A"])  # and no (B
    model = open_model(tiny_model("llama"), tokenizer=tokenizer)
    data = load_data(table).limit(4)
    assert "(A" not in {one.form for one in try_forms(model, data, "letter")}
    with pytest.raises(DataError, match="no single token"):
        try_forms(model, data, "letter", ["(A"])


def test_a_study_asks_in_the_chosen_form_and_says_so(llama, table, tmp_path):
    study = Sweep(data=str(table), layers=(1,), scales=(1.0,), nulls=0, score="letter", limit=12)
    value = study.run(llama, folder=tmp_path / "chosen").value
    tried = value["template"]["forms_tried"]
    assert value["label_mass"]["form"] == best_form([TriedForm(**one) for one in tried]).form
    fixed = replace_form(study, "Answer: A").run(llama, folder=tmp_path / "fixed").value
    assert fixed["label_mass"]["form"] == "Answer: A"
    assert fixed["label_mass"]["warning"]
    assert fixed["template"]["form"] == "Answer: A"
    assert fixed["arms"] != value["arms"] or value["label_mass"]["form"] == "Answer: A"
    again = study.run(llama, folder=tmp_path / "chosen").value
    assert again["arms"] == value["arms"]


def replace_form(study, form):
    return study.model_copy(update={"form": form})
