"""The model ``steerstack`` of lm-evaluation-harness (Gao et al., zenodo 12608602): its ``hf`` model under a plan.

It inherits from the harness's own ``HFLM`` all that decides what is asked: loading, tokenisation of context and
continuation, the beginning-of-sequence token, truncation, chat templates, windows of rolling perplexity, stop
sequences. Only the forward passes are steerstack's. Importing this module puts the model into the registry.

In half precision HFLM takes the log-softmax in the model's own dtype unless ``softmax_dtype`` says otherwise;
here it is always taken in float32.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from steerstack.errors import ModelError, ParameterError, nearest
from steerstack_plugins.harnesses import require

require("lm_eval", "lmeval")

import torch  # noqa: E402  # without lm-eval there is nothing to import
from lm_eval.api.registry import register_model  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from tqdm import tqdm  # noqa: E402

from steerstack.engine.decode.generate import Sampling, generate  # noqa: E402
from steerstack.engine.layout.batches import TOKENS  # noqa: E402
from steerstack.engine.top_tokens import likeliest  # noqa: E402
from steerstack.exchange.plan_file import load_plan  # noqa: E402
from steerstack.steering.intervention import Plan  # noqa: E402
from steerstack.steering.regions import assistant_header, mark  # noqa: E402
from steerstack.trace.embedded_model import EMBEDDED, embedded_model  # noqa: E402
from steerstack.trace.open import open_model  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jaxtyping import Int
    from torch import Tensor

    from steerstack.steering.tokens import TokenSequence

Request = tuple[Any, list[int], list[int]]
"""What identifies a request (None for a window of a longer text), its context and its continuation."""


class SteeredHFLM(HFLM):
    """A causal language model of transformers, steered by a plan file.

    Parameters
    ----------
    pretrained:
        Folder, Hugging Face id, ``smollm2`` for the embedded model, or a loaded model.
    plan:
        Plan file (:mod:`steerstack.exchange.plan_file`); without one the model is unsteered.
    device:
        None for CUDA where there is one, else the CPU.
    batch_size:
        Prompts that decode together. Log-likelihoods are batched by tokens, whatever it is.
    options:
        All others of the harness's ``hf`` model.

    Raises
    ------
    ModelError
        It is no decoder-only model with a fast tokenizer.
    """

    def __init__(
        self,
        pretrained: Any,
        plan: str | Path | None = None,
        device: str | None = None,
        batch_size: int | str | None = 32,
        **options: Any,
    ) -> None:
        source = str(embedded_model()) if pretrained == EMBEDDED.alias else pretrained
        target = device or ("cuda" if torch.cuda.is_available() else "cpu")
        rows = 32 if batch_size is None or str(batch_size).startswith("auto") else batch_size
        super().__init__(source, device=target, batch_size=rows, **options)
        if self.backend != "causal":
            raise ModelError("Only decoder-only models can be steered here.", seen=f"backend {self.backend!r}")
        self.opened = open_model(self.model, tokenizer=self.tokenizer)
        self.plan = load_plan(plan, self.opened) if plan else Plan()
        self.header = assistant_header(self.tokenizer, **self.chat_template_args)

    def _loglikelihood_tokens(
        self, requests: Sequence[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """Log-probability (nats) of each continuation, and whether greedy decoding would give it."""
        sequences = [self.laid_out(context, continuation) for _, context, continuation in requests]
        answers: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        bar = tqdm(total=len(requests), disable=disable_tqdm or self.rank != 0, desc="Running loglikelihood requests")
        groups = list(grouped(sequences))
        for at in range(0, len(groups), 256):
            chunk = groups[at : at + 256]
            predictions = likeliest(self.opened, [[sequences[index] for index in group] for group in chunk], self.plan)
            for group, guess_rows in zip(chunk, predictions, strict=True):
                for index, guesses in zip(group, guess_rows, strict=True):
                    tokens = sequences[index].ids[sequences[index].answer_start :]
                    greedy = all(guess.likeliest[0][0] == token for guess, token in zip(guesses, tokens, strict=True))
                    answers[index] = (sum(guess.logp for guess in guesses), greedy)
                    if requests[index][0] is not None:
                        self.cache_hook.add_partial("loglikelihood", requests[index][0], answers[index])
                bar.update(len(group))
        bar.close()
        return answers

    def laid_out(self, context: list[int], continuation: list[int]) -> TokenSequence:
        """As HFLM lays a request out: what is too long loses tokens on the left."""
        if not 0 < len(continuation) <= self.max_length:
            raise ModelError(
                "A continuation is empty, or longer than the model's context.",
                seen=f"{len(continuation)} tokens, a context of {self.max_length}",
                fix="Set max_length in --model_args, or leave the task out.",
            )
        ids = (context + continuation)[-(self.max_length + 1) :]
        return mark(ids, len(ids) - len(continuation), self.header)

    def _model_generate(
        self,
        context: Int[Tensor, "prompt token"],
        max_length: int,
        stop: list[str],
        attention_mask: Int[Tensor, "prompt token"] | None = None,
        **settings: Any,
    ) -> Int[Tensor, "prompt longer"]:
        """Prompts, padded on the left, followed by what they generate, padded on the right."""
        mask = torch.ones_like(context) if attention_mask is None else attention_mask
        rows = [row[row_mask.bool()].tolist() for row, row_mask in zip(context, mask, strict=True)]
        sampling = sampling_of(max_length - context.shape[1], tuple(stop), **settings)
        prompts = [mark(ids, len(ids), self.header) for ids in rows]
        new = generate(self.opened, prompts, [self.plan], sampling, batch=len(prompts))[0].tokens
        wide = max(map(len, new))
        pad = self.tokenizer.pad_token_id
        block = torch.tensor([[*tokens, *[pad] * (wide - len(tokens))] for tokens in new], device=context.device)
        return torch.cat([context, block], 1)


def grouped(sequences: Sequence[TokenSequence]) -> Iterator[list[int]]:
    """Indices of sequences with one context and bounded length in all: what they share is run once."""

    def context(index: int) -> tuple[int, ...]:
        return sequences[index].ids[: sequences[index].answer_start]

    order = sorted(range(len(sequences)), key=lambda index: (context(index), index))
    for prefix, members in groupby(order, key=context):
        group: list[int] = []
        size = len(prefix)
        for index in members:
            more = len(sequences[index]) - len(prefix)
            if group and size + more > TOKENS:
                yield group
                group, size = [], len(prefix)
            group.append(index)
            size += more
        yield group


def sampling_of(
    max_new_tokens: int,
    stop: tuple[str, ...],
    do_sample: bool | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    **others: Any,
) -> Sampling:
    """The harness's generation settings as ours; the seed comes from torch, which the harness has seeded."""
    if others:
        name, value = next(iter(others.items()))
        raise ParameterError(
            f"Steered generation has no setting {name!r}.",
            seen=f"{name}={value!r}",
            fix=nearest(name, ("max_gen_toks", "until", "do_sample", "temperature", "top_p")),
        )
    if not do_sample and (do_sample is False or temperature == 0):
        return Sampling(max_new_tokens, stop=stop)
    seed = int(torch.randint(2**31, ()))
    return Sampling(max_new_tokens, temperature, top_p, seed, stop)


register_model("steerstack")(SteeredHFLM)
