"""The engine against a hand-written limit, a loop of forward hooks, and installed peers, all in one run; and a
forecast's time beside that of its run.

    python benchmarks/engine.py --data .../caa/test/sycophancy/test_dataset_ab.json \
        --pairs .../caa/generate/sycophancy/generate_dataset.json --json figures.json

Medians of ``--repeats`` runs and their ratios, of wall-clock and of processor seconds; on a shared
machine only ratios within one run mean anything, and those of processor seconds are the steadier, with
``--threads 1``: threads that wait for one another spin, and that counts as work. What takes one
arm at a time is timed on one or two arms and scaled, which is said in the row.

Peers are timed where they can be imported, else the row says "not installed" or how they fail. They
do not allow these versions of transformers and NumPy, so install them apart, without dependencies:
``pip install --no-deps steering-vectors repeng transformer-lens==4.3.0`` and
``pip install einops fancy-einsum sentencepiece transformers-stream-generator typeguard``.

At the size of a GPU: ``--shape llama8b --dtype bfloat16 --device cuda --tokens 16384`` takes random
weights in the shape of Llama 3 8B and a byte-level tokenizer (about four times as many tokens a
prompt), so nothing is downloaded; ``--shape tiny`` checks the same path in a minute. Results of
random weights agree less between programs in bfloat16; the time does not depend on them.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from extraction import extraction
from forecast import forecast
from generation import generation
from memory import memory
from stage import SHAPES, Stage, say_where
from sweeps import sweep
from timing import Table


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2", help="a name or folder, as open_model takes it")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="random weights in this shape, instead of --model")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device")
    parser.add_argument("--data", required=True, help="items of the sweep and the prompts")
    parser.add_argument("--pairs", required=True, help="items of the extraction")
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=1024, help="bound on the tokens of one pass")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-repeats", type=int, help="of peers and loops; --repeats if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="sweep,everywhere,extraction,generation,forecast,memory")
    parser.add_argument("--json", type=Path, help="write all figures here")
    return parser


def main() -> None:
    args = arguments().parse_args()
    torch.set_num_threads(args.threads)
    stage = Stage.of(args)
    figures: dict[str, Any] = {"where": say_where(args, stage), "parts": []}
    parts: dict[str, Callable[[], Table]] = {
        "sweep": lambda: sweep(stage, everywhere=False),
        "everywhere": lambda: sweep(stage, everywhere=True),
        "extraction": lambda: extraction(stage),
        "generation": lambda: generation(stage),
        "forecast": lambda: forecast(stage),
    }
    for name in args.only.split(","):
        figures["parts"].append(memory(args) if name == "memory" else parts[name]().record())
        if args.json:  # after each part, so that a run that is cut short leaves what it found
            args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
