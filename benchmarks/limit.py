"""The limit: bare PyTorch programs that share all that can be shared, written by hand for Llama models.

They know no plan, no architecture but this one, and no error message: what they take is what the
work costs. `engine.py` holds steerstack against them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from transformers import DynamicCache
from transformers.models.llama.modeling_llama import LlamaForCausalLM


def _on_its_device(work: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Without gradients, and with new tensors made where the model is."""

    @wraps(work)
    def placed(hf: LlamaForCausalLM, *args: Any, **kwargs: Any) -> torch.Tensor:
        with torch.no_grad(), hf.device:
            return work(hf, *args, **kwargs).cpu()

    return placed


def _mask(allow: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.zeros(allow.shape, dtype=dtype).masked_fill(~allow, torch.finfo(dtype).min)[:, None]


def pad(rows: list[list[int]]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


@_on_its_device
def sweep_from(
    hf: LlamaForCausalLM,
    prompts: list[list[int]],
    starts: list[int],
    pairs: list[tuple[int, int]],
    vectors: dict[int, torch.Tensor],
    scales: list[float],
    batch: int = 12,
) -> torch.Tensor:
    """Log-odds [layer, scale, item] of two next tokens, with the edit from ``starts`` on.

    One pass over the prompts; then the tokens from ``starts`` on, once for every arm, side by
    side in one row, joining at the block where they part.
    """
    model, order = hf.model, sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    vectors = {layer: vector.to(hf.device, hf.dtype) for layer, vector in vectors.items()}
    layers, log_odds = sorted(vectors), torch.empty(len(vectors), len(scales), len(prompts))
    for at in range(0, len(order), batch):
        index = order[at : at + batch]
        ids = pad([prompts[i] for i in index])
        begin, length = torch.tensor([starts[i] for i in index]), torch.tensor([len(prompts[i]) for i in index])
        rest, trunk = int((length - begin).max()), int(begin.max())
        columns = torch.minimum(begin[:, None] + torch.arange(rest), length[:, None] - 1)
        rows, width = torch.arange(len(index))[:, None], ids.shape[1]
        # the unsteered pass, block by block, keeping keys, values and the hidden states to part from
        cache, states = DynamicCache(), {}
        hidden, positions = model.embed_tokens(ids), torch.arange(width)[None]
        causal = _mask(torch.ones(width, width, dtype=torch.bool).tril()[None], hidden.dtype)
        cosine = model.rotary_emb(hidden, positions)
        for number, block in enumerate(model.layers):
            hidden = block(
                hidden, attention_mask=causal, position_ids=positions, past_key_values=cache, position_embeddings=cosine
            )
            if number in vectors:
                states[number] = hidden[rows, columns]
        past = [(layer.keys[:, :, :trunk], layer.values[:, :, :trunk]) for layer in cache.layers]
        # the steered pass: arms join at the block after their layer
        cache = DynamicCache(past)
        valid = torch.arange(rest)[None] < (length - begin)[:, None]
        own = (torch.ones(rest, rest, dtype=torch.bool).tril()[None] & valid[:, None]) | torch.eye(
            rest, dtype=torch.bool
        )
        context = (torch.arange(trunk)[None] < begin[:, None])[:, None].expand(-1, rest, -1)
        arms, carried, mask, place = 0, hidden[:, :0], causal, columns
        for number in range(layers[0], len(model.layers)):
            if number > layers[0]:
                block = model.layers[number]
                carried = block(
                    carried, attention_mask=mask, position_ids=place, past_key_values=cache, position_embeddings=cosine
                )
            if number in vectors:
                steered = torch.cat([states[number] + scale * vectors[number] for scale in scales], 1)
                carried, arms = torch.cat([carried, steered], 1), arms + len(scales)
                apart = torch.kron(torch.eye(arms), torch.ones(rest, rest)).bool() & own.repeat(1, arms, arms)
                mask = _mask(torch.cat([context.repeat(1, arms, 1), apart], 2), carried.dtype)
                place = columns.repeat(1, arms)
                cosine = model.rotary_emb(carried, place)
        end = (length - begin - 1)[:, None] + torch.arange(arms) * rest
        logits = hf.lm_head(model.norm(carried[rows, end]))
        options = torch.tensor([pairs[i] for i in index])[:, None].expand(-1, arms, -1)
        odds = logits.float().gather(2, options)  # [row, arm, option]
        log_odds[:, :, index] = (odds[..., 0] - odds[..., 1]).T.reshape(len(layers), len(scales), -1)
    return log_odds


@_on_its_device
def sweep_all(
    hf: LlamaForCausalLM,
    prompts: list[list[int]],
    pairs: list[tuple[int, int]],
    vectors: dict[int, torch.Tensor],
    scales: list[float],
    batch: int = 12,
) -> torch.Tensor:
    """The same with the edit on every token: blocks below the edit are run once for all scales."""
    model, order = hf.model, sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    vectors = {layer: vector.to(hf.device, hf.dtype) for layer, vector in vectors.items()}
    layers, log_odds = sorted(vectors), torch.empty(len(vectors), len(scales), len(prompts))
    for at in range(0, len(order), batch):
        index = order[at : at + batch]
        ids = pad([prompts[i] for i in index])
        length, width = torch.tensor([len(prompts[i]) for i in index]), ids.shape[1]
        positions = torch.arange(width)[None]
        hidden, states = model.embed_tokens(ids), {}
        cosine = model.rotary_emb(hidden, positions)
        for number, block in enumerate(model.layers[: max(layers) + 1]):
            hidden = block(hidden, attention_mask=None, position_ids=positions, position_embeddings=cosine)
            if number in vectors:
                states[number] = hidden
        for which, number in enumerate(layers):
            for s, scale in enumerate(scales):
                carried = states[number] + scale * vectors[number]
                for block in model.layers[number + 1 :]:
                    carried = block(carried, attention_mask=None, position_ids=positions, position_embeddings=cosine)
                logits = hf.lm_head(model.norm(carried[torch.arange(len(index)), length - 1]))
                odds = logits.float().gather(1, torch.tensor([pairs[i] for i in index]))
                log_odds[which, s, index] = odds[:, 0] - odds[:, 1]
    return log_odds


@_on_its_device
def mean_difference(hf: LlamaForCausalLM, pairs: list[tuple[list[int], list[int]]], batch: int = 12) -> torch.Tensor:
    """Mean difference [layer, d_model] at the last token, each pair's common beginning run once."""
    model = hf.model
    total = torch.zeros(len(model.layers), hf.config.hidden_size)
    order = sorted(pairs, key=lambda pair: -len(pair[0]))
    for at in range(0, len(order), batch):
        chunk = order[at : at + batch]
        # the sides differ in their last token only: it is laid out twice, seeing all but its twin
        rows = [[*positive, negative[-1]] for positive, negative in chunk]
        ids, length = pad(rows), torch.tensor([len(row) for row in rows])
        width = ids.shape[1]
        allow = torch.ones(width, width, dtype=torch.bool).tril().repeat(len(chunk), 1, 1)
        each = torch.arange(len(chunk))
        allow[each, length - 1, length - 2] = False
        positions = torch.arange(width).repeat(len(chunk), 1)
        positions[each, length - 1] -= 1
        hidden = model.embed_tokens(ids)
        mask, cosine = _mask(allow, hidden.dtype), model.rotary_emb(hidden, positions)
        for number, block in enumerate(model.layers):
            hidden = block(hidden, attention_mask=mask, position_ids=positions, position_embeddings=cosine)
            total[number] += (hidden[each, length - 2].float() - hidden[each, length - 1].float()).sum(0)
    return total / len(pairs)
