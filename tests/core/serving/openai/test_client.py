"""OpenAI's own client against a server on the loopback address."""

import openai
import pytest
import torch
from tests.support.openai_server import TOKEN, openai_server

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.steering.intervention import Plan
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.models import WIDTH


def test_openais_client(llama):
    vector = SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))})
    steering = {"vector": "v", "layer": 1, "scale": 1.5}
    prompt = llama.format.sequence(Prompt("Why?"))
    expected = generate(llama, [prompt], [Plan(), apply(vector, 1, 1.5)], Sampling(8))
    texts = [llama.tokenizer.decode(list(of.tokens[0]), skip_special_tokens=True) for of in expected]
    messages = [{"role": "user", "content": "Why?"}]
    with openai_server(llama, {"v": vector}) as address, openai.OpenAI(base_url=address, api_key=TOKEN) as client:
        assert [model.id for model in client.models.list()] == ["tiny"]
        for body, text in ((None, texts[0]), ({"steering": steering}, texts[1])):
            reply = client.chat.completions.create(
                model="tiny", messages=messages, max_tokens=8, temperature=0, extra_body=body
            )
            assert reply.choices[0].message.content == text
            assert reply.model_extra["steerstack"]["edited_rows"] == (expected[1].edited.positions if body else 0)
            stream = client.chat.completions.create(
                model="tiny", messages=messages, max_tokens=8, temperature=0, stream=True, extra_body=body
            )
            assert "".join(event.choices[0].delta.content or "" for event in stream) == text
        read = client.completions.create(model="tiny", prompt=list(prompt.ids), max_tokens=0, echo=True, logprobs=1)
        assert len(read.choices[0].logprobs.token_logprobs) == len(prompt)
        with pytest.raises(openai.BadRequestError, match="top_p is not offered"):
            client.completions.create(model="tiny", prompt="x", top_p=0.5)
        with pytest.raises(openai.NotFoundError, match="opens no path"):
            client.completions.create(
                model="tiny", prompt="x", extra_body={"steering": {"vector": "/v.safetensors", "layer": 1}}
            )
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").models.list()
