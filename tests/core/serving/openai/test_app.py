"""OpenAI's protocol: numbers are the engine's own and plain transformers', and what is not carried out is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.score import score
from steerstack.serving.limits import Limits
from steerstack.serving.openai.app import OpenAIService
from steerstack.serving.openai.engine import ReferenceEngine
from steerstack.serving.openai.reply import Responder
from steerstack.serving.openai.vectors import VectorShelf
from steerstack.steering.intervention import Plan
from steerstack.steering.origin import Origin
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.models import WIDTH

TOKEN = "a-token-of-the-test"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
BOUNDS = Limits()
IDS = [40, 50, 60, 70, 80, 90, 100]


def direction(seed):
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def vector(llama):
    return SteeringVector({1: direction(1), 2: direction(2)}, origin=Origin(model_fingerprint=llama.fingerprint))


@pytest.fixture
def make(llama, vector):
    """A function that makes a client of a server with some vectors and limits."""
    services = []

    def client(limits=BOUNDS, **named):
        shelf = VectorShelf(llama, {"v": vector, **named})
        service = OpenAIService(Responder(ReferenceEngine(llama), shelf, ["tiny"]), TOKEN, ["127.0.0.1"], limits)
        services.append(service)
        headers = {"authorization": f"Bearer {TOKEN}"}
        return TestClient(service.app(), base_url="http://127.0.0.1:9", headers=headers)

    yield client
    for service in services:
        service.close()


@pytest.fixture
def client(make):
    return make()


def complete(client, **body):
    answer = client.post("/v1/completions", json={"model": "tiny", "temperature": 0, "max_tokens": 0, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def chat(client, **body):
    answer = client.post("/v1/chat/completions", json={"model": "tiny", "temperature": 0, "messages": MESSAGES, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(client, status, path="/v1/completions", **body):
    text = {"messages": MESSAGES} if "chat" in path else {"prompt": "x"}
    answer = client.post(path, json={"model": "tiny", "max_tokens": 1, **text, **body})
    assert answer.status_code == status, answer.text
    told = answer.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    return told["message"]


def read(client, prompt=IDS, **body):
    """Log-probabilities of a prompt's tokens, the first of which has none."""
    (choice,) = complete(client, prompt=prompt, echo=True, logprobs=1, **body)["choices"]
    first, *rest = choice["logprobs"]["token_logprobs"]
    assert first is None
    return rest


def plain(llama, ids):
    with torch.no_grad():
        logp = llama.module(torch.tensor([ids])).logits[0].log_softmax(-1)
    return [float(logp[at, token]) for at, token in enumerate(ids[1:])]


def test_the_model_is_listed_with_its_fingerprint(client, llama):
    (entry,) = client.get("/v1/models").json()["data"]
    assert entry["id"] == "tiny"
    assert entry["steerstack"]["engine"] == "reference"
    assert entry["steerstack"]["fingerprint"] == llama.fingerprint
    assert client.get("/v1/models/tiny").json() == entry
    assert client.get("/v1/models/other").status_code == 404


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer wrong", "Bearer é".encode(), TOKEN[:-1]])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tiny", "/v1/completions", "/v1/chat/completions"])
def test_nobody_else_is_answered(client, path, key):
    answer = client.request("GET" if "models" in path else "POST", path, headers={"authorization": key})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_page_in_a_browser_is_not_answered(client):
    assert client.get("/v1/models", headers={"origin": "http://evil.example"}).status_code == 401
    assert client.get("/v1/models", headers={"host": "evil.example"}).status_code == 400


def test_unsteered_log_probabilities_are_the_engines_and_plain_transformers(client, llama):
    ours = read(client)
    (scores,) = score(llama, [[TokenSequence(tuple(IDS), 1, 1)]], [Plan()])
    np.testing.assert_allclose(ours, scores.tokens[0][0], atol=1e-5)
    np.testing.assert_allclose(ours, plain(llama, IDS), atol=1e-5)


def test_steered_log_probabilities_are_those_of_score(client, llama, vector):
    header = list(llama.tokenizer.encode("<|im_start|>assistant", add_special_tokens=False))
    ids = IDS + header + IDS
    steering = {"vector": "v", "layer": 1, "scale": 1.5, "tokens": "response"}
    plan = apply(vector, 1, 1.5)
    start = len(IDS) + 1  # from here on an edit of the response is felt
    (scores,) = score(llama, [[TokenSequence(tuple(ids), len(IDS), start)]], [plan])
    ours = read(client, ids, steering=steering)
    np.testing.assert_allclose(ours[start - 1 :], scores.tokens[0][0], atol=1e-5)
    np.testing.assert_allclose(ours[: start - 1], plain(llama, ids)[: start - 1], atol=1e-5)
    assert max(np.abs(np.subtract(ours, plain(llama, ids)))) > 0.01
    both = read(client, ids, steering=[steering, {"vector": "v", "layer": 2, "scale": -1, "tokens": "all"}])
    plan = plan >> apply(vector, 2, -1.0, tokens=Tokens("all"))
    (scores,) = score(llama, [[TokenSequence(tuple(ids), len(IDS), start)]], [plan])
    np.testing.assert_allclose(both[start - 1 :], scores.tokens[0][0], atol=1e-5)


def test_an_edit_of_the_prompt_changes_what_is_read_in_it(client, llama, vector):
    ours = read(client, steering={"vector": "v", "layer": 2, "scale": 2, "tokens": "all"})
    (scores,) = score(llama, [[TokenSequence(tuple(IDS), 1, 1)]], [apply(vector, 2, 2.0, tokens=Tokens("all"))])
    np.testing.assert_allclose(ours, scores.tokens[0][0], atol=1e-5)
    placed = read(client, steering={"vector": "v", "layer": 2, "scale": 2, "tokens": "3"})
    np.testing.assert_allclose(placed[:3], plain(llama, IDS)[:3], atol=1e-5)
    assert max(np.abs(np.subtract(placed, plain(llama, IDS))[3:])) > 0.01


def test_at_scale_zero_nothing_is_edited(client):
    reply = complete(client, prompt=IDS, echo=True, logprobs=1, steering={"vector": "v", "layer": 1, "scale": 0})
    unsteered = complete(client, prompt=IDS, echo=True, logprobs=1)
    assert reply["choices"] == unsteered["choices"]
    assert reply["steerstack"]["edited_rows"] == 0


def test_every_answer_says_who_made_it_and_what_was_edited(client, llama, vector):
    steering = {"vector": "v", "layer": 1, "scale": 1.5}
    reply = chat(client, steering=steering, max_tokens=5)
    about = reply["steerstack"]
    prompt = llama.format.sequence(Prompt("Why?", "Be brief."))
    n_new = reply["usage"]["completion_tokens"]
    assert about["engine"] == "reference"
    assert about["fingerprint"] == llama.fingerprint
    assert about["edited_rows"] == len(prompt) - prompt.response_start + n_new - 1
    assert about["plan"] == apply(vector, 1, 1.5).fingerprint
    assert about["steering"][0]["fingerprint"] == vector.fingerprint
    assert about["steering"][0]["same_weights"] is True
    bare = chat(client, max_tokens=5)["steerstack"]
    assert (bare["edited_rows"], bare["steering"], bare["plan"]) == (0, [], None)


@pytest.mark.parametrize("scale", [0, 1.5])
def test_a_conversation_is_what_the_engine_generates(client, llama, vector, scale):
    prompt = llama.format.sequence(Prompt("Why?", "Be brief."))
    (expected,) = generate(llama, [prompt], [apply(vector, 2, float(scale))], Sampling(12))
    reply = chat(
        client, steering={"vector": "v", "layer": 2, "scale": scale}, max_completion_tokens=12, logprobs=True,
        top_logprobs=2,
    )  # fmt: skip
    (choice,) = reply["choices"]
    tokens = expected.tokens[0]
    assert choice["message"]["content"] == llama.tokenizer.decode(list(tokens), skip_special_tokens=True)
    content = choice["logprobs"]["content"]
    whole = replace(prompt, ids=prompt.ids + tokens)
    (scores,) = score(llama, [[whole]], [apply(vector, 2, float(scale))])
    np.testing.assert_allclose([one["logprob"] for one in content], scores.tokens[0][0], atol=1e-5)
    assert all(one["top_logprobs"][0]["logprob"] == one["logprob"] for one in content)  # greedy
    assert reply["usage"]["prompt_tokens"] == len(prompt)


def test_messages_in_parts_and_earlier_answers(client, llama):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]},
        {"role": "assistant", "content": "No.", "refusal": None, "tool_calls": []},
        {"role": "user", "content": "Again."},
    ]
    prompt = llama.format.sequence(Prompt("Again.", "Be brief.", history=(("Why?", "No."),)))
    assert chat(client, messages=messages, max_tokens=1)["usage"]["prompt_tokens"] == len(prompt)


def test_prompts_as_text_and_ids_in_a_list(client, llama):
    texts = ["Hello there", "Why?"]
    ids = [llama.tokenizer.encode(text) for text in texts]
    both, apart = (
        complete(client, prompt=texts, max_tokens=6),
        [complete(client, prompt=of, max_tokens=6) for of in ids],
    )
    assert [one["text"] for one in both["choices"]] == [of["choices"][0]["text"] for of in apart]
    assert complete(client, prompt=ids, max_tokens=6)["choices"] == both["choices"]
    echoed = complete(client, prompt=texts, max_tokens=6, echo=True)["choices"]
    assert [one["text"] for one in echoed] == [t + one["text"] for t, one in zip(texts, both["choices"], strict=True)]


def test_what_is_generated_stands_behind_what_is_echoed(client, llama):
    (choice,) = complete(client, prompt=IDS, echo=True, logprobs=2, max_tokens=3)["choices"]
    logprobs = choice["logprobs"]
    assert len(logprobs["tokens"]) == len(logprobs["top_logprobs"]) == len(logprobs["text_offset"]) == len(IDS) + 3
    for own, tops in zip(logprobs["token_logprobs"][-3:], logprobs["top_logprobs"][-3:], strict=True):
        assert own == max(tops.values())  # greedy
    (alone,) = complete(client, prompt=IDS, logprobs=2, max_tokens=3)["choices"]
    np.testing.assert_allclose(alone["logprobs"]["token_logprobs"], logprobs["token_logprobs"][-3:], atol=1e-6)
    assert choice["finish_reason"] == "length"


def test_a_text_ends_an_answer(client):
    (whole,) = complete(client, prompt="Hello", max_tokens=20)["choices"]
    stop = whole["text"][3:5]
    (cut,) = complete(client, prompt="Hello", max_tokens=20, stop=["", stop])["choices"]
    assert cut["text"] == whole["text"][: whole["text"].index(stop)]
    assert cut["finish_reason"] == "stop"


def test_draws_can_be_had_again(client):
    drawn = complete(client, prompt=["Hello", "Why?"], max_tokens=8, temperature=None)
    seed = drawn["steerstack"]["seed"]
    again = complete(client, prompt="Why?", max_tokens=8, temperature=1, seed=seed)
    assert again["choices"][0]["text"] == drawn["choices"][1]["text"]


def test_a_model_name_may_say_what_acts(client):
    named = read(client, model="tiny?vector=v&layer=2&scale=2&tokens=all")
    assert named == read(client, steering={"vector": "v", "layer": 2, "scale": 2, "tokens": "all"})
    both = {"vector": "v", "layer": 2}
    assert "Leave one out" in error(client, 400, model="tiny?vector=v&layer=2", steering=both)
    for query in ("", "vector", "vector=v&layer=1&layer=2", "vector=v&layer=x", "vector=v&depth=1", "layer=1"):
        error(client, 400, model=f"tiny?{query}")


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2}, {"best_of": 3}, {"top_p": 0.5}, {"logit_bias": {"5": 1}}, {"presence_penalty": 0.1},
        {"frequency_penalty": -1}, {"suffix": "x"}, {"stream": 1}, {"n": True}, {"top_k": 5}, {"unheard_of": 1},
        {"temperature": -1}, {"temperature": "nan"}, {"seed": 1.5}, {"max_tokens": -1}, {"logprobs": 21},
        {"prompt": []}, {"prompt": ""}, {"prompt": [[]]}, {"prompt": [1, "a"]}, {"prompt": [-1]}, {"prompt": [10**6]},
        {"prompt": "\ud800"}, {"prompt": None}, {"max_tokens": 10**6}, {"messages": MESSAGES},
    ],
    ids=range(26),
)  # fmt: skip
def test_what_is_not_carried_out_is_refused(client, more):
    body = {"model": "tiny", "prompt": "x", "max_tokens": 1, **more}
    answer = client.post("/v1/completions", content=json.dumps(body).encode())
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]


def streamed(client, path, **body):
    """The events of a streamed answer."""
    answer = client.post(path, json={"model": "tiny", "temperature": 0, "stream": True, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.mark.parametrize("stops", [False, True])
def test_a_streamed_conversation_is_the_whole_one_in_pieces(client, stops):
    steering = {"vector": "v", "layer": 1, "scale": 1.5}
    stop = chat(client, steering=steering, max_tokens=12)["choices"][0]["message"]["content"][4:6] if stops else None
    whole = chat(client, steering=steering, max_tokens=12, stop=stop)
    *pieces, last = streamed(
        client, "/v1/chat/completions", messages=MESSAGES, max_tokens=12, steering=steering, stop=stop
    )
    said = [piece["choices"][0]["delta"]["content"] for piece in pieces]
    assert "".join(said) == whole["choices"][0]["message"]["content"]
    assert stops or len(said) > 1
    assert last["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert last["steerstack"] == whole["steerstack"]
    assert {event["object"] for event in [*pieces, last]} == {"chat.completion.chunk"}


def test_several_streamed_completions_and_their_numbers(client):
    texts = ["Hello there", "Why?"]
    whole = complete(client, prompt=texts, max_tokens=6)
    *events, last = streamed(
        client, "/v1/completions", prompt=texts, max_tokens=6, stream_options={"include_usage": True}
    )
    said = ["", ""]
    for event in events:
        for choice in event["choices"]:
            said[choice["index"]] += choice["text"]
    assert said == [choice["text"] for choice in whole["choices"]]
    assert (last["choices"], last["usage"]) == ([], whole["usage"])


def test_what_is_wrong_with_a_streamed_request_is_an_error_of_http(client):
    assert "no layer 9" in error(client, 400, stream=True, steering={"vector": "v", "layer": 9})
    assert "stream" in error(client, 400, stream=True, logprobs=1)
    assert "stream" in error(client, 400, stream=True, echo=True)
    assert "stream" in error(client, 400, stream_options={"include_usage": True})


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function"}]}, {"response_format": {"type": "json_object"}}, {"n": 3}, {"logprobs": 1},
        {"top_logprobs": 2}, {"max_tokens": 2, "max_completion_tokens": 2}, {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]}, {"messages": [{"role": "assistant", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "user", "content": "x", "name": "Ann"}]},
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_not_carried_out_in_a_conversation_is_refused(client, more):
    body = {"model": "tiny", "messages": MESSAGES, **({} if "max_tokens" in more else {"max_tokens": 1}), **more}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400, answer.text


def test_neutral_values_change_nothing(client):
    neutral = {
        "n": 1, "best_of": 1, "top_p": 1.0, "logit_bias": {}, "presence_penalty": 0, "frequency_penalty": 0.0,
        "suffix": None, "stream": False, "user": "me", "steering": None, "stop": None,
    }  # fmt: skip
    assert (
        complete(client, prompt="x", max_tokens=4, **neutral)["choices"]
        == complete(client, prompt="x", max_tokens=4)["choices"]
    )


def test_a_vector_of_other_weights_is_refused(make, vector):
    foreign = replace(vector, origin=Origin(model_name="another", model_fingerprint="f" * 64))
    client = make(foreign=foreign, unknown=replace(vector, origin=Origin()))
    told = error(client, 400, steering={"vector": "foreign", "layer": 1})
    assert "another (ffffffffffff)" in told
    assert "other weights" in told
    wanted = complete(client, prompt="x", max_tokens=1, steering={"vector": "foreign", "layer": 1, "transfer": True})
    assert wanted["steerstack"]["steering"][0]["same_weights"] is False


@pytest.mark.parametrize(
    "name",
    [
        "{file}", "./{file}", "file://{file}", "models:/../{file}", "models:/x/../../{file}", "models:/m-1", "models:/x",
        "models:/{file}@champion", "hf://someone/something", "memory://x", "w", " v", "v\n", "models:/x@champion\n",
    ],
)  # fmt: skip
def test_a_path_is_no_vector(client, vector, tmp_path, name, monkeypatch):
    vector.save(tmp_path / "v.safetensors")
    monkeypatch.chdir(tmp_path)
    told = error(client, 404, steering={"vector": name.format(file=tmp_path / "v.safetensors"), "layer": 1})
    assert "opens no path" in told


def test_parameters_of_an_edit_which_may_be_paths_are_no_field(client):
    assert "parameters" in error(client, 400, steering={"vector": "v", "layer": 1, "parameters": {"axis": "/x"}})


@pytest.mark.parametrize(
    ("steering", "seen"),
    [
        ({"vector": "v"}, "layers 1"), ({"vector": "v", "layer": 9}, "no layer 9"), ({"vector": "v", "layers": []}, "empty"),
        ({"vector": "v", "layer": 1, "tokens": "nowhere"}, "nowhere"), ({"vector": "v", "layer": 1, "edit": "x"}, "x"),
        ({"vector": "v", "layer": 1, "scale": 1e30}, "overflows"), ({"vector": "v", "layer": 1, "layers": "all"}, "both"),
        ({"vector": "v", "layer": 1, "tokens": "think"}, "edited no position"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(client, steering, seen):
    assert seen in error(client, 400, steering=steering)


@pytest.mark.parametrize("tokens", ["response", "prompt", "last", "answer", "-1"])
def test_an_edit_whose_place_in_an_echoed_text_is_not_known(client, tokens):
    told = error(client, 400, prompt=IDS, echo=True, logprobs=1, steering={"vector": "v", "layer": 1, "tokens": tokens})
    assert "is not known" in told


def test_another_model_is_not_served(client):
    assert "served: tiny" in error(client, 404, model="gpt-4")


def test_bounds(make):
    small = make(Limits(request=400))
    assert small.post("/v1/completions", content=b" " * 500).json()["error"]["message"].startswith("A request may have")
    assert "wait" in error(make(Limits(queue=0)), 503)
    assert "longer than one may" in error(make(Limits(seconds=-1.0)), 400)


def test_a_fault_of_the_server_is_told_without_its_inside(make, llama, monkeypatch):
    monkeypatch.setattr(ReferenceEngine, "generate", lambda *_: {}["secret"])
    client = make()
    client = TestClient(
        client.app, base_url="http://127.0.0.1:9", headers=client.headers, raise_server_exceptions=False
    )
    assert error(client, 500) == "The server failed: KeyError."
