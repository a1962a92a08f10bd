"""What all parts share: a model of the size asked for, the items, the pairs, and a direction for each layer."""

import copy
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from steerstack import load_data, open_model
from steerstack.data.items import DataSet
from steerstack.data.questions import ContrastPair, Question, ask, contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.testing.models import tiny_tokenizer
from steerstack.trace.model import Model
from steerstack_plugins.extraction.mean_difference import MeanDifference

SCALES = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)

SHAPES: dict[str, dict[str, Any]] = {
    "llama8b": {
        "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "intermediate_size": 14336, "vocab_size": 128256, "rope_theta": 500000.0,
    },
    "tiny": {
        "hidden_size": 64, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 128, "vocab_size": 300,
    },
}  # fmt: skip
"""Shapes of Llama models, filled with random weights: what they take depends on the shape alone."""


@dataclass(frozen=True)
class Stage:
    """A model and the work.

    Attributes
    ----------
    model:
        Ours; peers get copies of its weights, since some of them change the model they are given.
    questions:
        The items, asked by letter in the order of the source.
    pairs:
        Contrast pairs read at the answer's letter.
    items:
        The items as they are, to be answered in words.
    vector:
        A direction for each layer.
    layers:
        Six layers of the sweep (fewer on a model with fewer).
    repeats, peer_repeats:
        Runs of which the median is taken, of ours and the limit, and of peers.
    tokens:
        Bound on the tokens of one pass, ours and the limit's.
    """

    model: Model
    questions: list[Question]
    pairs: list[ContrastPair]
    items: DataSet
    vector: Mapping[int, torch.Tensor]
    layers: tuple[int, ...]
    repeats: int
    peer_repeats: int
    tokens: int

    @property
    def sides(self) -> list[tuple[list[int], list[int]]]:
        """Token ids of both sides of each pair."""
        return [(list(p.positive.sequence.ids), list(p.negative.sequence.ids)) for p in self.pairs]

    @classmethod
    def of(cls, args: Namespace) -> "Stage":
        model = open_stage_model(args)
        items, train = load_data(args.data).limit(args.items), load_data(args.pairs).limit(args.train)
        pairs = contrast_pairs(model.format, train, "answer")
        return cls(
            model,
            [q for q in ask(model.format, items, "letter") if q.order == 0],
            pairs,
            items,
            MeanDifference().fit(PairActivations(model, pairs[:20])),
            sweep_layers(model),
            args.repeats,
            args.peer_repeats or args.repeats,
            args.tokens,
        )


def sweep_layers(model: Model) -> tuple[int, ...]:
    """Every fourth of 30 layers from 5 on, and as deep elsewhere."""
    return tuple(sorted({model.n_layers * (4 * k + 5) // 30 for k in range(6)}))


def open_stage_model(args: Namespace) -> Model:
    """The model by its name, or one of a shape with random weights and a byte-level tokenizer."""
    if not args.shape:
        return open_model(args.model, dtype=args.dtype, device=args.device)
    torch.manual_seed(0)
    config = LlamaConfig(**SHAPES[args.shape], max_position_embeddings=8192)
    config.pad_token_id = config.eos_token_id = config.bos_token_id = None
    with torch.device(args.device or "cpu"):
        module = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, args.dtype))
    return open_model(module.eval(), tokenizer=tiny_tokenizer())


def copied(model: Model) -> Any:
    """A copy of the model's weights in a module of its own, on the same device.

    The config is copied too: TransformerLens sets the attention's implementation in the one it gets.
    """
    with torch.device(model.device):
        module = AutoModelForCausalLM.from_config(copy.deepcopy(model.module.config), dtype=model.dtype)
    module.load_state_dict(model.module.state_dict())
    return module.eval().requires_grad_(False)


def say_where(args: Namespace, stage: Stage) -> dict[str, Any]:
    """Print and return what was run on what."""
    import transformers

    model = stage.model
    device = torch.cuda.get_device_name() if model.device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    where = {
        "model": f"random weights in the shape {args.shape}" if args.shape else model.name,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": device,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": sys.version.split()[0],
        "tokens": stage.tokens,
        "repeats": stage.repeats,
    }
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    return where
