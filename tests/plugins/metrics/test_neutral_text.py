"""KL and perplexity on neutral text against whole distributions of plain forward passes."""

import math

import pytest
import torch
from tests.plugins.metrics.plain import everywhere, token_logps

from steerstack.errors import DataError
from steerstack.measure.neutral_text import paragraphs
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.neutral_text import NeutralText


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("A short text\nof two lines.\n\n\nAnother one.\n")
    return path


def test_equals_its_definition(llama, file):
    plan = everywhere(llama)
    plain, steered = NeutralText(data=str(file)).measure(llama, [Plan(), plan])
    assert plain.values["kl"] == pytest.approx([0, 0], abs=1e-6)
    (edit,) = plan
    for place, text in enumerate(["A short text of two lines.", "Another one."]):
        logps = token_logps(llama, text[0], text[1:], plan)
        entropy = -sum(logps) / len(logps)
        assert steered.values["cross_entropy"][place] == pytest.approx(entropy, abs=1e-4)
        assert steered.values["perplexity"][place] == pytest.approx(math.exp(entropy), rel=1e-4)
        ids = torch.tensor([llama.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            before = llama.module(ids).logits[0, :-1].log_softmax(-1)
            hook = llama.module_at(edit.site).register_forward_hook(
                lambda _m, _a, out: out + edit.scale * edit.direction
            )
            after = llama.module(ids).logits[0, :-1].log_softmax(-1)
            hook.remove()
        kl = sum(float((q.exp() * (q - p)).sum()) for p, q in zip(before, after, strict=True)) / (ids.shape[1] - 1)
        assert steered.values["kl"][place] == pytest.approx(kl, abs=1e-4)
    assert steered.about["perplexity"] == pytest.approx(math.exp(steered.values["cross_entropy"].mean()))
    assert (plain.edited, steered.about["n"]) == (0, 2)
    assert steered.edited > 0


def test_the_shipped_paragraphs_are_the_default(llama):
    (arm,) = NeutralText(limit=1).measure(llama, [Plan()])
    assert arm.about["data"] == "steerstack:neutral"
    assert arm.ids == ("neutral-1",)
    assert NeutralText().texts()[0] == list(paragraphs())


def test_files_without_text_are_refused(llama, tmp_path):
    path = tmp_path / "none.txt"
    path.write_text("\n\n \n")
    with pytest.raises(DataError, match="no text"):
        NeutralText(data=str(path)).measure(llama, [Plan()])
    path.write_text("x")
    with pytest.raises(DataError, match="single token"):
        NeutralText(data=str(path)).measure(llama, [Plan()])
