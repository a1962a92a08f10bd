"""The engine against the hand-written limit, the naive loop and installed peers: ratios in one run.

    python benchmarks/engine.py --data .../caa/test/sycophancy/test_dataset_ab.json \
        --pairs .../caa/generate/sycophancy/generate_dataset.json [--repeats 3] [--only sweep,...]

Peers are timed where they are installed: pip install steering-vectors repeng. Naive loops are
timed on a sample of arms and scaled, which is said.
"""

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
import limit

from steerstack import Add, Plan, Site, Tokens, generate, load_data, open_model
from steerstack.asking import ask, contrast_pairs
from steerstack.engine.extract import PairActivations
from steerstack.engine.generate import Sampling
from steerstack.engine.score import score
from steerstack.prompts import Prompt
from steerstack_plugins.extraction.mean_difference import MeanDifference

LAYERS, SCALES = (5, 9, 13, 17, 21, 25), (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Median seconds of several runs, and the last result."""
    seconds, found = [], None
    for _ in range(repeats):
        began = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), found


def say(what: str, seconds: float, base: float) -> None:
    print(f"  {what:44} {seconds:9.2f} s   {seconds / base:7.2f}", flush=True)


def naive_arm(model: Any, questions: list[Any], layer: int, edit: torch.Tensor, everywhere: bool) -> torch.Tensor:
    """What peers do: both options of every item, whole, in batches of 8, for one arm."""
    sequences = [(s, q.exhibits.response_start) for q in questions for s in q.pair]
    found = []
    for at in range(0, len(sequences), 8):
        chunk = sequences[at : at + 8]
        ids = limit._pad([list(s.ids) for s, _ in chunk])
        mask = limit._pad([[1] * len(s.ids) for s, _ in chunk])
        begin = torch.tensor([0 if everywhere else start for _, start in chunk])[:, None]
        where = (torch.arange(ids.shape[1])[None] >= begin).float()[..., None]
        hook = model.module.model.layers[layer].register_forward_hook(lambda _m, _a, out, w=where: out + w * edit)
        with torch.no_grad():
            logits = model.module(input_ids=ids, attention_mask=mask).logits
        hook.remove()
        last = torch.tensor([len(s.ids) - 2 for s, _ in chunk])
        logp = logits[torch.arange(len(chunk)), last].log_softmax(-1)
        found += [float(logp[row, s.ids[-1]]) for row, (s, _) in enumerate(chunk)]
    return torch.tensor(found).reshape(-1, 2)


def sweep(model: Any, questions: list[Any], vector: Any, everywhere: bool, repeats: int) -> None:
    tokens = Tokens("all" if everywhere else "response")
    arms = [Plan((Add(Site("resid_post", x), vector[x], s, selection=tokens),)) for x in LAYERS for s in SCALES]
    prompts = [list(q.exhibits.ids[:-1]) for q in questions]
    options = [(q.exhibits.ids[-1], q.contrast.ids[-1]) for q in questions]
    starts = [q.exhibits.response_start for q in questions]
    vectors = {x: vector[x] for x in LAYERS}
    by_hand = (
        (lambda: limit.sweep_all(model.module, prompts, options, vectors, list(SCALES)))
        if everywhere
        else (lambda: limit.sweep_from(model.module, prompts, starts, options, vectors, list(SCALES)))
    )
    seconds_limit, expected = timed(by_hand, repeats)
    seconds, found = timed(lambda: score(model, [q.pair for q in questions], arms), repeats)
    odds = torch.tensor([[s.total(i, 0) - s.total(i, 1) for i in range(len(questions))] for s in found])
    worst = float((odds - expected.reshape(len(arms), -1)).abs().max())
    sample = [(LAYERS[0], SCALES[0]), (LAYERS[-1], SCALES[-1])]
    seconds_naive, naive = timed(
        lambda: [naive_arm(model, questions, x, s * vector[x], everywhere) for x, s in sample], 1
    )
    seconds_naive *= len(arms) / len(sample)
    off = float((naive[0][:, 0] - naive[0][:, 1] - odds[0]).abs().max())
    print(f"sweep, {'every token' if everywhere else 'from the end of the instruction on'}: "
          f"{len(questions)} items x {len(SCALES)} scales x {len(LAYERS)} layers; time over the limit's")  # fmt: skip
    say("hand-written limit", seconds_limit, seconds_limit)
    say("steerstack", seconds, seconds_limit)
    say(f"naive hook loop ({len(sample)} of {len(arms)} arms, scaled)", seconds_naive, seconds_limit)
    print(f"  naive / steerstack {seconds_naive / seconds:.1f}")
    print(f"  largest difference in log-odds: limit {worst:.1e}, naive {off:.1e}")


def extraction(model: Any, data: Any, repeats: int) -> None:
    pairs = contrast_pairs(model.format, data, "answer")
    sides = [(list(p.positive.sequence.ids), list(p.negative.sequence.ids)) for p in pairs]
    seconds_limit, expected = timed(lambda: limit.mean_difference(model.module, sides), repeats)
    seconds, found = timed(lambda: MeanDifference().fit(PairActivations(model, pairs)), repeats)
    stacked = torch.stack([found[layer] for layer in range(model.n_layers)])
    worst = float(((stacked - expected).norm(dim=1) / expected.norm(dim=1)).max())

    def plain() -> None:
        flat = sorted((side for pair in sides for side in pair), key=len)
        for at in range(0, len(flat), 16):
            chunk = flat[at : at + 16]
            mask = limit._pad([[1] * len(s) for s in chunk])
            with torch.no_grad():
                model.module.model(input_ids=limit._pad(chunk), attention_mask=mask)

    seconds_plain, _ = timed(plain, repeats)
    print(f"extraction of all layers from {len(pairs)} pairs; time over the limit's")
    say("forward passes that share prefixes (limit)", seconds_limit, seconds_limit)
    say("steerstack", seconds, seconds_limit)
    say("plain batched forward passes", seconds_plain, seconds_limit)
    if importlib.util.find_spec("steering_vectors"):
        say("steering-vectors", *peer_steering_vectors(model, pairs), seconds_limit)
    print(f"  largest relative difference from the limit: {worst:.1e}")


def peer_steering_vectors(model: Any, pairs: list[Any]) -> tuple[float]:
    from steering_vectors import train_steering_vector

    decode = model.tokenizer.decode
    texts = [(decode(p.positive.sequence.ids), decode(p.negative.sequence.ids)) for p in pairs]
    seconds, _ = timed(
        lambda: train_steering_vector(model.module, model.tokenizer, texts, read_token_index=-1, batch_size=8), 1
    )
    return (seconds,)


def generation(model: Any, vector: Any, data: Any, repeats: int) -> None:
    prompts = [model.format.sequence(Prompt(item.question)) for item in data.limit(32)]
    width = max(len(p) for p in prompts)
    ids = torch.tensor([[0] * (width - len(p)) + list(p.ids) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    plain = lambda: model.module.generate(  # noqa: E731
        ids, attention_mask=mask, max_new_tokens=40, min_new_tokens=40, do_sample=False, pad_token_id=0
    )
    plans = [Plan((Add(Site("resid_post", 13), vector[13], 0.1 * s),)) for s in range(1, 9)]
    import steerstack.engine.decode_side_by_side as engine

    engine.stop_tokens = lambda _model: set()  # all rows run to the end, as with min_new_tokens
    seconds_plain, _ = timed(plain, repeats)
    seconds, _ = timed(lambda: generate(model, prompts, plans[:1], Sampling(40)), repeats)
    eight, _ = timed(lambda: generate(model, prompts, plans, Sampling(40)), 1)
    print("generation of 32 prompts x 40 tokens; time over unsteered generate of transformers")
    say("unsteered generate", seconds_plain, seconds_plain)
    say("steerstack, one arm", seconds, seconds_plain)
    say("steerstack, eight arms", eight, seconds_plain)
    print(f"  eight arms / one arm {eight / seconds:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--data", required=True)
    parser.add_argument("--pairs", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="sweep,everywhere,extraction,generation")
    args = parser.parse_args()
    torch.set_num_threads(2)
    model = open_model(args.model, dtype="float32")
    items = load_data(args.data)
    questions = [q for q in ask(model.format, items, "letter") if q.order == 0]
    train = load_data(args.pairs)
    small = contrast_pairs(model.format, train.limit(20), "answer")
    vector = MeanDifference().fit(PairActivations(model, small))
    parts: dict[str, Callable[[], None]] = {
        "sweep": lambda: sweep(model, questions, vector, False, args.repeats),
        "everywhere": lambda: sweep(model, questions, vector, True, 1),
        "extraction": lambda: extraction(model, train.limit(200), args.repeats),
        "generation": lambda: generation(model, vector, items, args.repeats),
    }
    for name in args.only.split(","):
        parts[name]()


if __name__ == "__main__":
    main()
