"""The model as judge: P(Yes) against a plain forward pass."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.errors import JudgeError
from steerstack.measure.judge import judged, make_judge
from steerstack.measure.verdict_cache import VerdictCache
from steerstack_plugins.judges.common.verdict_prompt import wording
from steerstack_plugins.judges.self_judge import SelfJudge

CRITERION = "Is the answer true?"


def p_yes(model, text, yes="Yes", no="No"):
    """Softmax over the two tokens after the prompt, by a plain forward pass."""
    prompt = model.format.sequence(Prompt(text))
    tokens = [model.tokenizer(word, add_special_tokens=False)["input_ids"][-1] for word in (yes, no)]
    with torch.no_grad():
        logits = model.module(torch.tensor([prompt.ids])).logits[0, -1].float()
    return float(logits[tokens].softmax(-1)[0]), float(logits.softmax(-1)[tokens].sum())


def test_p_yes_is_that_of_a_plain_pass(llama):
    judge = SelfJudge(model="measured", least_mass=0).beside(llama)
    questions, answers, references = ["a?", "bb?"], ["x", ""], [["r"], []]
    verdicts = judge.judge(CRITERION, questions, answers, references)
    for verdict, *row in zip(verdicts, questions, answers, references, strict=True):
        expected, mass = p_yes(llama, wording(CRITERION, *row))
        assert verdict.score == pytest.approx(expected, rel=1e-4)
        shy = SelfJudge(model="measured", least_mass=min(1.0, mass * 1.01)).beside(llama)
        assert shy.judge(CRITERION, [row[0]], [row[1]], [row[2]])[0].score is None


def test_it_is_known_by_its_weights(llama, tiny, tmp_path):
    judge = SelfJudge(model="measured", least_mass=0)
    cache = VerdictCache(tmp_path / "v")
    for model, calls in ((llama, 1), (llama, 0), (tiny("qwen2"), 1)):
        assert judged(judge.beside(model), CRITERION, ["q"], ["a"], cache=cache).counts.calls == calls


def test_the_measured_model_must_be_at_hand(llama):
    with pytest.raises(JudgeError, match="none is being measured"):
        SelfJudge(model="measured").judge(CRITERION, ["q"], ["a"])
    assert make_judge("self", {"model": "measured"}, llama).opened() is llama
    assert make_judge("self", model=llama).parameters()["model"] == "smollm2"


def test_a_folder_may_judge(tiny_folder):
    judge = make_judge("self", {"model": str(tiny_folder), "least_mass": 0})
    first, second = (judge.judge(CRITERION, ["q"], ["a"])[0] for _ in range(2))
    assert first == second
    assert 0 < first.score < 1


@pytest.mark.smollm2
def test_smollm2_gives_verdicts_that_can_be_read(smollm2):
    judge = SelfJudge(model="measured").beside(smollm2)
    assert "no judge of truth" in judge.about()["caution"]
    verdicts = judge.judge("Is the answer true?", ["What is the capital of France?"] * 2, ["Paris.", "Berlin."])
    for verdict, answer in zip(verdicts, ["Paris.", "Berlin."], strict=True):
        expected, mass = p_yes(smollm2, wording(CRITERION, "What is the capital of France?", answer))
        assert mass > 0.01
        assert verdict.score == pytest.approx(expected, rel=1e-3)
