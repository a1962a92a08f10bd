"""Inside lm-evaluation-harness: unsteered it is the harness's own model, steered it is the naive run."""

import math
from functools import cache

import lm_eval
import pytest
from lm_eval.tasks import TaskManager

import steerstack_plugins.harnesses.lm_eval_model as ours
from steerstack.errors import ModelError, ParameterError
from steerstack.exchange.plan_file import load_plan
from steerstack.steering.tokens import TokenSequence
from steerstack.testing.naive import naive_score

NAMES = ["own_choice", "own_text", "own_rolling"]


@pytest.fixture(scope="module")
def run(tasks, tiny_folder):
    """A function that runs tasks on the tiny model and gives the harness's result; each run is done once."""
    manager = TaskManager(include_path=str(tasks))

    @cache
    def once(model, names=tuple(NAMES), plan=None, chat=False):
        arguments = {"pretrained": str(tiny_folder), **({"plan": plan} if plan else {})}
        return lm_eval.simple_evaluate(
            model=model, model_args=arguments, tasks=list(names), task_manager=manager, batch_size=3, device="cpu",
            bootstrap_iters=0, log_samples=True, apply_chat_template=chat,
        )  # fmt: skip

    return once


def responses(result, task):
    """Every response of a task's samples, flat, in order."""
    return [answer for sample in result["samples"][task] for [answer] in sample["resps"]]


def metrics(result, task):
    return {name: value for name, value in result["results"][task].items() if isinstance(value, float)}


def assert_equal(a, b):
    for one, two in zip(responses(a, "own_choice"), responses(b, "own_choice"), strict=True):
        assert one[0] == pytest.approx(two[0], abs=1e-4)
        assert one[1] == two[1]
    assert responses(a, "own_rolling") == pytest.approx(responses(b, "own_rolling"), abs=1e-3)  # sums of 600 tokens
    assert responses(a, "own_text") == responses(b, "own_text")
    assert metrics(a, "own_choice") == metrics(b, "own_choice")
    assert metrics(a, "own_text") == metrics(b, "own_text")
    assert metrics(a, "own_rolling") == pytest.approx(metrics(b, "own_rolling"), rel=1e-5)


@pytest.mark.parametrize("chat", [False, True])
def test_unsteered_it_equals_the_harnesss_own_model(run, chat):
    own, theirs = run("steerstack", chat=chat), run("hf", chat=chat)
    assert_equal(own, theirs)
    assert any(0 < len(text) < 24 for text in responses(own, "own_text"))  # some answer was cut at a stop sequence


def test_scale_0_changes_nothing_and_a_scale_does(run, plan_of):
    plain = run("steerstack")
    assert_equal(run("steerstack", plan=plan_of(0.0)), plain)
    steered = run("steerstack", plan=plan_of(20.0))
    for name in NAMES:
        assert responses(steered, name) != responses(plain, name)


@pytest.mark.parametrize("tokens", ["response", "all", "prompt", "last"])
def test_steered_log_likelihoods_equal_the_naive_run(run, plan_of, tiny_folder, tokens):
    """The tiny tokenizer has a token a byte, so that contexts and continuations can be written out by hand."""
    samples = run("steerstack", names=("own_choice",), plan=plan_of(4.0, tokens))["samples"]["own_choice"]
    model = ours.SteeredHFLM(str(tiny_folder)).opened
    plan = load_plan(plan_of(4.0, tokens), model)

    def ids(text):
        return model.tokenizer(text, add_special_tokens=False)["input_ids"]

    for row in samples[:3]:  # the fourth is cut
        context = f"Q: {row['doc']['question']}\nA:"
        start = len(ids(context))
        for choice, [(logp, _)] in zip(row["doc"]["choices"], row["resps"], strict=False):  # then the unconditional
            sequence = TokenSequence(tuple(ids(f"{context} {choice}")), start - 1, start)
            assert logp == pytest.approx(sum(naive_score(model, sequence, plan)), abs=1e-4)


def test_a_response_begins_at_the_assistant_header(tiny_folder, plan_of):
    model = ours.SteeredHFLM(str(tiny_folder), plan=plan_of(4.0))
    text = model.apply_chat_template([{"role": "user", "content": "Is it?"}])
    context, continuation = model._encode_pair(text, "Yes")
    header = model.tokenizer.encode("<|im_start|>assistant", add_special_tokens=False)
    sequence = model.laid_out(context, continuation)
    assert list(sequence.ids[sequence.response_start : sequence.answer_start]) == header
    assert model.tokenizer.decode(list(sequence.ids[sequence.answer_start :])) == "\nYes"  # as the harness splits it
    [(logp, greedy)] = model._loglikelihood_tokens([(None, context, continuation)], disable_tqdm=True)
    assert logp == pytest.approx(sum(naive_score(model.opened, sequence, model.plan)), abs=1e-4)
    assert not greedy


def test_greedy_says_whether_the_model_would_say_so_itself(tiny_folder, plan_of):
    model = ours.SteeredHFLM(str(tiny_folder), plan=plan_of(4.0))
    context = model.tok_encode("Q: who?")
    [token] = model.opened.tokenizer.encode("x", add_special_tokens=False)
    from steerstack.engine.decode.generate import Sampling, generate

    prompt = TokenSequence(tuple(context), len(context) - 1, len(context))
    likely = list(generate(model.opened, [prompt], [model.plan], Sampling(5))[0].tokens[0])
    other = [*likely[:-1], token if likely[-1] != token else token + 1]
    answers = model._loglikelihood_tokens([(None, context, likely), (None, context, other)], disable_tqdm=True)
    assert [greedy for _, greedy in answers] == [True, False]
    assert all(math.isfinite(logp) for logp, _ in answers)


def test_requests_with_one_context_are_one_group_of_bounded_length():
    def sequence(context, answer):
        return TokenSequence((*context, *answer), len(context) - 1, len(context))

    sequences = [sequence([1, 2], [3]), sequence([1], [2, 3]), sequence([1, 2], [4]), sequence([1, 2], [5] * 2046)]
    assert sorted(map(sorted, ours.grouped(sequences))) == [[0, 2], [1], [3]]


def test_settings_that_there_are_not_are_refused(tiny_folder):
    with pytest.raises(ParameterError, match="no setting 'top_k'"):
        ours.sampling_of(4, (), do_sample=True, temperature=1.0, top_k=5)
    drawn = ours.sampling_of(4, ("\n",), do_sample=True, temperature=0.5, top_p=0.9)
    assert (drawn.temperature, drawn.top_p, drawn.stop) == (0.5, 0.9, ("\n",))
    assert ours.sampling_of(4, (), do_sample=False, temperature=0.5).temperature == 0


def test_a_continuation_longer_than_the_context_is_refused(tiny_folder):
    with pytest.raises(ModelError, match="max_length"):
        ours.SteeredHFLM(str(tiny_folder), max_length=8)._loglikelihood_tokens([(None, [1], [2] * 9)])
