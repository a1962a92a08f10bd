"""An independent scorer: text in, one plain forward pass a text, the answer's tokens added up."""

import contextlib

import torch

from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens


def everywhere(model, layer=1, scale=0.7):
    """A plan that adds a fixed direction after a block at every token."""
    direction = torch.linspace(-1, 1, model.d_model)
    return Plan((Add(Site("resid_post", layer), direction, scale, selection=Tokens("all")),))


@contextlib.contextmanager
def _hooked(model, plan):
    edits = [model.module_at(e.site).register_forward_hook(
        lambda _m, _a, out, e=e: (out[0] + e.scale * e.direction, *out[1:]) if isinstance(out, tuple)
        else out + e.scale * e.direction) for e in plan]  # fmt: skip
    yield
    for edit in edits:
        edit.remove()


@torch.no_grad()
def token_logps(model, prompt, answer, plan=(), special=True):
    """Log-probability of each token of ``answer`` after ``prompt``, both plain text."""
    encode = lambda text: model.tokenizer(text, add_special_tokens=special)["input_ids"]  # noqa: E731
    before, ids = encode(prompt), encode(prompt + answer)
    assert ids[: len(before)] == before, "the tokenizer joins prompt and answer"
    with _hooked(model, plan):
        logp = model.module(torch.tensor([ids])).logits[0].log_softmax(-1)
    return [float(logp[i - 1, ids[i]]) for i in range(len(before), len(ids))]


def chat(model, user, system=None):
    """The model's chat template, up to the assistant's first word."""
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": user})
    return model.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def in_chat(model, user, answer, plan=(), system=None, prefix=""):
    """Log-probability of each token of an answer in the chat format."""
    return token_logps(model, chat(model, user, system) + prefix, answer, plan, special=False)


@torch.no_grad()
def next_logps(model, text, plan=(), special=False):
    """Log-probabilities of every next token after ``text``, by one pass."""
    ids = model.tokenizer(text, add_special_tokens=special)["input_ids"]
    with _hooked(model, plan):
        return model.module(torch.tensor([ids])).logits[0, -1].log_softmax(-1)


def token_of(model, before, label, special=False):
    """The one token that a label adds to a text."""
    encode = lambda text: model.tokenizer(text, add_special_tokens=special)["input_ids"]  # noqa: E731
    (token,) = encode(before + label)[len(encode(before)) :]
    return token
