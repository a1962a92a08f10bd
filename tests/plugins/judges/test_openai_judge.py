"""The served judge, against a real server on the loopback: well, rubbish, slow, and dead in the middle."""

import gc
import re
import signal
import threading

import pytest
import torch
from tests.support.wait import until

from steerstack.data.prompts import Prompt
from steerstack.errors import JudgeError, ParameterError
from steerstack.measure.judge import judged
from steerstack.measure.verdict_cache import VerdictCache
from steerstack_plugins.judges.common.verdict_prompt import verdict_of, wording
from steerstack_plugins.judges.openai_judge import OpenAIJudge, key_for

CRITERION = "Is the answer true?"
QUESTIONS = [f"What is {i}?" for i in range(6)]
ANSWERS = [f"It is {'right' if i % 2 else 'wrong'} {i}" for i in range(6)]


def judge(served, **more):
    return OpenAIJudge(model="m", base_url=served if isinstance(served, str) else served.url, **{"retries": 0, **more})


def test_words_are_read_where_there_are_no_logprobs(serve):
    served = serve("words")
    verdicts = judge(served).judge(CRITERION, QUESTIONS, ANSWERS)
    assert [v.score for v in verdicts] == [0, 1, 0, 1, 0, 1]
    assert [v.tokens for v in verdicts] == [7] * 6
    assert {v.raw for v in verdicts} == {"Yes.", "No, it is not."}
    assert served.requests == 6


def test_logprobs_of_a_model_behind_the_server_give_p_yes(serve, llama):
    served = serve(llama, top=llama.module.config.vocab_size)
    verdicts = judge(served, least_mass=0, max_tokens=2).judge(CRITERION, QUESTIONS[:2], ANSWERS[:2])
    for verdict, question, answer in zip(verdicts, QUESTIONS, ANSWERS, strict=False):
        text = wording(CRITERION, question, answer)
        prompt = llama.format.sequence(Prompt(text, "You judge answers. Reply with Yes or No only."))
        with torch.no_grad():
            p = llama.module(torch.tensor([prompt.ids])).logits[0, -1].softmax(-1)
        words = {t: llama.tokenizer.decode([t]).strip().lower() for t in range(len(llama.tokenizer))}
        yes, no = (sum(float(p[t]) for t, word in words.items() if word == w) for w in ("yes", "no"))
        assert verdict.score == pytest.approx(yes / (yes + no), rel=1e-4)
        assert verdict.tokens > len(prompt)


def test_rubbish_is_no_verdict(serve, tmp_path):
    judgment = judged(judge(serve("rubbish")), CRITERION, QUESTIONS, ANSWERS, cache=VerdictCache(tmp_path / "v"))
    assert [v.score for v in judgment.verdicts] == [None] * 6
    assert judgment.counts.unparsable == 6
    assert all("Roses" in v.raw for v in judgment.verdicts)


def test_a_server_of_something_else_is_named(serve):
    with pytest.raises(JudgeError, match="does not answer as chat completions do") as caught:
        judge(serve("html")).judge(CRITERION, QUESTIONS, ANSWERS)
    assert "base_url" in caught.value.fix


def test_a_slow_server_is_called_slow(serve):
    with pytest.raises(JudgeError, match=r"answered nothing within 0\.3 s") as caught:
        judge(serve("slow"), timeout=0.3).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert "timeout" in caught.value.fix


def test_after_ctrl_c_nothing_more_is_asked_and_nobody_is_waited_for(serve):
    served, before = serve("slow"), signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        until(lambda: served.requests, "the first question")
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    gc.disable()  # what is raised while Python collects, in a callback of the tests' own tools, is lost
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            judge(served, concurrency=1, timeout=3600).judge(CRITERION, QUESTIONS, ANSWERS)
    finally:
        gc.enable()
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert served.requests == 1


def test_a_server_that_dies_in_the_middle_loses_nothing(serve, dying, tmp_path):
    cache = VerdictCache(tmp_path / "v")
    patient = judge(dying(4), concurrency=1)
    with pytest.raises(JudgeError, match=r"cannot be reached|fails") as caught:
        judged(patient, CRITERION, QUESTIONS, ANSWERS, cache=cache, chunk=3)
    assert len(cache) == 4  # the chunk of three, and the one that came back before the end
    assert f"goes on from what is kept in {cache.path}" in caught.value.fix
    # the same judge at another address is another judge: the verdicts are of this one
    again = serve("words")
    moved = patient.model_copy(update={"base_url": again.url})
    assert judged(moved, CRITERION, QUESTIONS, ANSWERS, cache=cache).counts.calls == 6
    judgment = judged(patient, CRITERION, QUESTIONS[:4], ANSWERS[:4], cache=cache)
    assert (judgment.counts.calls, judgment.counts.cached) == (0, 4)
    assert [v.score for v in judgment.verdicts] == [0, 1, 0, 1]


def test_retries_are_made(serve):
    served = serve("broken")
    with pytest.raises(JudgeError, match=r"fails"):
        judge(served, retries=1, concurrency=1).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert served.requests == 2


def test_nobody_there():
    with pytest.raises(JudgeError, match="cannot be reached") as caught:
        judge("http://127.0.0.1:9/v1").judge(CRITERION, QUESTIONS, ANSWERS)
    assert "base_url" in caught.value.fix
    assert caught.value.given == {}


def test_a_server_without_logprobs_says_what_to_set(serve):
    served = serve("refusing")
    with pytest.raises(JudgeError, match="refuses the request") as caught:
        judge(served).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert "logprobs=false" in caught.value.fix
    assert judge(served, logprobs=False).judge(CRITERION, QUESTIONS[:2], ANSWERS[:2])[1].score == 1


def test_openai_itself_wants_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(JudgeError, match="no key"):
        OpenAIJudge(model="m").judge(CRITERION, QUESTIONS, ANSWERS)


PLANTED = "pl4nted"


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """Secrets for OpenAI, for NDIF and for another server in the environment; an empty home."""
    monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "NDIF_API_KEY",
                 "STEERSTACK_SERVE_TOKEN", "AWS_SECRET_ACCESS_KEY"):  # fmt: skip
        monkeypatch.setenv(name, PLANTED)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-own: {PLANTED}")
    return tmp_path


def test_another_server_gets_nothing_of_the_environment(serve, planted):
    served = serve("words")
    judge(served).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert served.headers["authorization"] == "Bearer none"
    assert not any(PLANTED in value for value in served.headers.values())
    assert not any(name.startswith(("openai", "x-")) for name in served.headers)


@pytest.mark.parametrize("path", ["", "/v1"])
def test_another_server_gets_the_key_that_is_kept_for_it(serve, planted, path):
    served = serve("words")
    host = served.url if path else served.url.rsplit("/", 2)[0]
    (planted / "keys.json").write_text(f'{{"{host}": "its own"}}')
    (planted / "keys.json").chmod(0o600)
    judge(served).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert served.headers["authorization"] == "Bearer its own"


def test_no_parameter_names_a_variable(planted):
    with pytest.raises(ParameterError, match="no parameter 'key_variable'"):
        OpenAIJudge.make({"model": "m", "base_url": "http://127.0.0.1:9/v1", "key_variable": "AWS_SECRET_ACCESS_KEY"})


@pytest.mark.parametrize(
    "url", ["http://api.openai.com/v1", "https://api.openai.com.evil.org/v1", "https://evil.org/api.openai.com/v1",
            "https://api.openai.com:444/v1"],
)  # fmt: skip
def test_openais_key_goes_to_openai_alone(planted, url):
    assert key_for("https://api.openai.com/v1") == PLANTED
    assert key_for(url) is None


def test_no_key_goes_in_the_clear(planted):
    (planted / "keys.json").write_text('{"http://gpu.lab": "its own"}')
    (planted / "keys.json").chmod(0o600)
    with pytest.raises(JudgeError, match="in the clear"):
        judge("http://gpu.lab/v1").judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])


@pytest.mark.parametrize("url", [f"http://ann:{PLANTED}@127.0.0.1:9/v1", f"http://127.0.0.1:9/v1?key={PLANTED}"])
def test_an_address_holds_no_secret(planted, url):
    with pytest.raises(JudgeError, match="no user, password or query") as caught:
        judge(url).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert PLANTED not in str(caught.value)


def test_a_server_that_refuses_the_key_says_where_it_belongs(serve):
    with pytest.raises(JudgeError, match="refuses the key") as caught:
        judge(serve("locked")).judge(CRITERION, QUESTIONS[:1], ANSWERS[:1])
    assert "keys.json" in caught.value.fix


def test_how_it_is_reached_does_not_change_who_it_is():
    assert judge("http://x/v1", timeout=1).identity() == judge("http://x/v1", concurrency=2).identity()
    assert judge("http://x/v1").identity() != judge("http://y/v1").identity()


@pytest.mark.parametrize(
    ("words", "score"),
    [("Yes", 1), (" **No**.", 0), ("no, because", 0), ("The answer is: Yes", 1), ("Not sure", None), ("Yesterday", None),
     ("", None), ("I say yes", None)],
)  # fmt: skip
def test_words(words, score):
    assert verdict_of(words) == score


def test_the_wording_holds_all_there_is():
    text = wording("Is it?", "Q?", "A!", ["R1", "R2"])
    assert re.search(r"Q\?.*R1; R2.*A!.*Is it\? Reply with Yes or No only\.$", text, re.DOTALL)


@pytest.mark.smollm2
def test_smollm2_behind_the_server_judges_as_smollm2_at_hand(serve, smollm2):
    """Top-20 log-probabilities of a real model: what the client reads is what a plain pass gives."""
    verdicts = judge(serve(smollm2), max_tokens=4).judge(CRITERION, ["What is the capital of France?"], ["Paris."])
    text = wording(CRITERION, "What is the capital of France?", "Paris.")
    prompt = smollm2.format.sequence(Prompt(text, "You judge answers. Reply with Yes or No only."))
    with torch.no_grad():
        top = smollm2.module(torch.tensor([prompt.ids])).logits[0, -1].softmax(-1).topk(20)
    words = [smollm2.tokenizer.decode([int(t)]).strip().lower() for t in top.indices]
    yes, no = (sum(float(p) for p, word in zip(top.values, words, strict=True) if word == w) for w in ("yes", "no"))
    assert yes + no > 0.1
    assert verdicts[0].score == pytest.approx(yes / (yes + no), rel=1e-3)
