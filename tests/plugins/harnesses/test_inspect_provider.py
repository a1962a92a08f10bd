"""Inside Inspect: unsteered it is Inspect's own provider, steered it is the engine."""

import gc
from dataclasses import replace

import anyio
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling
from steerstack.engine.decode.generate import generate as decode
from steerstack.errors import ParameterError
from steerstack.exchange.plan_file import load_plan
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model

# what Inspect itself does: calls of a library that has moved on, streams that it leaves open
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*MemoryObject(Send|Receive)Stream:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def its_leftovers():
    """Collected here, so that no other test is told of them."""
    yield
    gc.collect()


ASKED = [
    Sample(input="Is the sky blue?", target="f"),
    Sample(
        input=[
            ChatMessageSystem(content="Be brief."),
            ChatMessageUser(content="Hello"),
            ChatMessageAssistant(content="Yes"),
            ChatMessageUser(content="Why?"),
            ChatMessageUser(content="Say it."),
        ],
        target="z",
    ),
    Sample(input="x", target="f"),
]


@pytest.fixture
def ask(tiny_folder, tmp_path):
    """A function that runs a task and gives its log."""

    def run(provider="steerstack", samples=ASKED, arguments=None, **config):
        task = Task(dataset=[sample.model_copy() for sample in samples], solver=generate(), scorer=includes())
        [log] = eval(
            task,
            model=f"{provider}/{tiny_folder}",
            model_args=arguments or {},
            log_dir=str(tmp_path / "logs"),
            display="none",
            max_tokens=16,
            **config,
        )
        return log

    return run


def texts(log):
    assert log.status == "success", log.error
    return [sample.output.completion for sample in log.samples]


def test_unsteered_it_equals_inspects_own_provider(ask):
    ours, theirs = ask(), ask("hf", arguments={"do_sample": False})
    assert texts(ours) == texts(theirs)
    assert ours.results.scores[0].metrics["accuracy"].value == theirs.results.scores[0].metrics["accuracy"].value


def test_log_probabilities_are_those_under_the_plan(ask, plan_of, tiny_folder):
    """Inspect's own provider cannot name the tiny model's spare tokens, so the naive run stands beside it."""
    model = open_model(tiny_folder)
    plan = load_plan(plan_of(8.0), model)
    prompt = model.format.sequence(Prompt("Is the sky blue?"))
    [answer] = decode(model, [prompt], [plan], Sampling(16))[0].tokens
    sequence = replace(prompt, ids=prompt.ids + answer)
    [sample] = ask(samples=ASKED[:1], arguments={"plan": plan_of(8.0)}, logprobs=True, top_logprobs=3).samples
    rows = sample.output.choices[0].logprobs.content
    assert [row.logprob for row in rows] == pytest.approx(naive_score(model, sequence, plan), abs=1e-4)
    assert [row.token for row in rows] == [model.tokenizer.decode([token]) for token in answer]
    for row in rows:  # what was decoded greedily is the likeliest
        assert row.top_logprobs[0].logprob == row.logprob
        falling = [one.logprob for one in row.top_logprobs]
        assert len(falling) == 3
        assert falling == sorted(falling, reverse=True)


def test_scale_0_changes_nothing_and_a_scale_does(ask, plan_of):
    plain = texts(ask())
    assert texts(ask(arguments={"plan": plan_of(0.0)})) == plain
    assert texts(ask(arguments={"plan": plan_of(30.0)})) != plain


def test_a_plan_does_in_inspect_what_it_does_in_the_engine(ask, plan_of, tiny_folder):
    model = open_model(tiny_folder)
    plan = load_plan(plan_of(8.0), model)
    prompts = [
        Prompt("Is the sky blue?"),
        Prompt("Why?\nSay it.", "Be brief.", history=(("Hello", "Yes"),)),
        Prompt("x"),
    ]
    answers = decode(model, [model.format.sequence(prompt) for prompt in prompts], [plan], Sampling(16))[0].tokens
    expected = [model.tokenizer.decode(list(tokens), skip_special_tokens=True) for tokens in answers]
    assert texts(ask(arguments={"plan": plan_of(8.0)})) == expected


def test_what_is_drawn_depends_on_the_seed_only(ask):
    first = texts(ask(temperature=1.0, seed=1))
    assert texts(ask(temperature=1.0, seed=1, samples=ASKED[:1])) == first[:1]  # whatever runs beside it
    assert texts(ask(temperature=1.0, seed=2)) != first


def test_stop_sequences_end_an_answer_and_are_left_out(ask):
    whole = texts(ask())[0]
    stop = whole[4:6]
    [sample, *_] = ask(stop_seqs=[stop]).samples
    assert sample.output.completion == whole[: whole.index(stop)]
    assert sample.output.stop_reason == "stop"


@pytest.mark.parametrize(
    ("config", "said"),
    [({"top_k": 3}, "no setting 'top_k'"), ({"num_choices": 2}, "no setting 'num_choices'")],
)
def test_what_cannot_be_had_is_refused(ask, config, said):
    log = ask(samples=ASKED[:1], **config)
    assert log.status == "error"
    assert said in log.error.message


def test_a_conversation_out_of_order_is_refused(ask):
    odd = Sample(input=[ChatMessageAssistant(content="I begin"), ChatMessageUser(content="no")], target="")
    log = ask(samples=[odd])
    assert "cannot be put in the model's chat format" in log.error.message


def test_a_prompt_beyond_the_context_is_refused(ask):
    assert "no room for an answer" in ask(samples=[Sample(input="long " * 2000, target="")]).error.message


def test_an_unknown_model_argument_is_refused(ask):
    with pytest.raises(ParameterError, match="did you mean 'plan'"):
        ask(arguments={"plam": "x.yaml"})


def test_concurrent_requests_share_a_batch(tiny_folder):
    """One call of the engine answers many, as one request to a server would; on a busy machine some come a little late."""
    config = GenerateConfig(max_tokens=4)
    model = get_model(f"steerstack/{tiny_folder}", memoize=False, config=config, remote="local")
    server, answers = model.api.model.remote, []
    before = server.requests

    async def ask(question):
        answers.append(await model.generate(question))

    async def several():
        async with anyio.create_task_group() as group:
            for index in range(6):
                group.start_soon(ask, f"question {index}")

    anyio.run(several)
    assert len(answers) == 6
    assert before < server.requests < before + len(answers) / 2
