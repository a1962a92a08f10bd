"""A tiny world whose questions bear a sign, which adapters can read and one vector for all questions cannot."""

from typing import Any, Literal

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from steerstack.data.items import DataSet, Item, SystemPrompts
from steerstack.testing.models import tiny_tokenizer
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

CONSTANT, SIGN, SAYS = range(3)
"""Coordinates of the residual stream: the same for every token, the sign of the question, and what says Yes or No."""

_WIDTH, _LAYERS = 16, 2
_LEVEL = 4.0  # of the constant, and of the sign in the token that bears it
_READ = 12.5  # two signs among seventy tokens then weigh about as much as one number of a token
_LABELS = 4.0  # what one unit of the constant adds to the logits of Yes and No: no other token is ever said
_STEER = 3.0  # how much one unit of what is said moves either logit
_NOISE = 0.1

Truth = Literal["yes", "sign"]
"""The right answer: always Yes, or Yes where the sign is plus and No where it is minus."""


def signed_data(items: int, *, truth: Truth = "yes", signs: str = "+", hard: str = "", first: int = 0) -> DataSet:
    """Yes-or-no questions that bear signs in turn.

    Parameters
    ----------
    items, first:
        How many, and the number of the first one.
    truth:
        What the right answer is, which the behaviour gives.
    signs:
        The signs that questions bear, in turn.
    hard:
        Signs of the questions that are longer, and so count as hard by their length.
    """
    cases = []
    for number in range(first, first + items):
        sign = signs[number % len(signs)]
        words = "the case that was long ago given the number" if sign in hard else "case"
        right = "No" if truth == "sign" and sign == "-" else "Yes"
        options = ("Yes", "No") if number // 2 % 2 else ("No", "Yes")
        place = options.index(right)
        question = f"Is {words} {number:03d}{2 * sign} so?"
        cases.append(Item(f"case-{number:03d}", question, options, place, 1 - place, form="yes-no", topic=sign))
    prompts = SystemPrompts(("Answer rightly.",), ("Answer wrongly.",))
    return DataSet("rightness", tuple(cases), "gives the right answer", "steerstack.testing", prompts)


def signed_model(*, seed: int = 0, against: float = 0.0) -> Model:
    """A model of two blocks that says Yes and No alike, whatever the sign, until something teaches it.

    All weights are written down, but for small noise in the embeddings. Attention in the first block looks at all
    tokens alike, and copies the sign of the question to every token after it; nothing else is written. Blocks read
    neither the constant nor anything else that all questions share, so that what adapters learn is an odd function of
    the sign: it turns round where the sign does. A vector is added whatever the sign is. Output embeddings read what
    says Yes or No, where the blocks write nothing.

    Parameters
    ----------
    seed:
        Of the noise.
    against:
        About how many nats likelier No is than Yes: by 14, one answer in a million is Yes, and no sample finds it.
    """
    tokenizer = tiny_tokenizer()
    config = LlamaConfig(
        hidden_size=_WIDTH, num_hidden_layers=_LAYERS, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=_WIDTH, vocab_size=len(tokenizer), max_position_embeddings=1024, tie_word_embeddings=False,
        pad_token_id=None, eos_token_id=None, bos_token_id=None,
    )  # fmt: skip
    module: Any = LlamaForCausalLM(config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    yes, no, plus, minus = tokenizer.convert_tokens_to_ids(["Yes", "No", "+", "-"])
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "norm" not in name:
                weight.zero_()
        table, head = module.get_input_embeddings().weight, module.get_output_embeddings().weight
        for rows in (table, head):
            rows[:, SAYS + 1 :] = _NOISE * torch.randn(rows[:, SAYS + 1 :].shape, generator=generator)
        table[:, CONSTANT] = _LEVEL
        table[[plus, minus], SIGN] = torch.tensor([_LEVEL, -_LEVEL])
        table[[yes, no], SAYS] = torch.tensor([1.0, -1.0])
        head[[yes, no], CONSTANT] = torch.tensor([_LABELS, _LABELS + against / _LEVEL])
        head[[yes, no], SAYS] = torch.tensor([_STEER, -_STEER])
        for block in module.model.layers:
            for norm in (block.input_layernorm, block.post_attention_layernorm):
                norm.weight.zero_()
                norm.weight[SIGN] = 1.0
        copy = module.model.layers[0].self_attn
        copy.v_proj.weight[0, SIGN] = _READ
        copy.o_proj.weight[SIGN, 0] = 1.0
    return open_model(module, tokenizer=tokenizer)
