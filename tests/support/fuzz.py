"""Every reader of files beside damaged files, for as long as somebody likes; the tests do the same for a second each.

    python -m tests.support.fuzz [--seconds 600] [--only importers,yaml] [--seed 0] [--folder KEEP]

Each input is a right file after a few changes that a number decides. It has to be read, or refused by an error of
steerstack, within a second; whatever else happens is a fault: its file stays in the folder, and the command fails.
"""

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml

from steerstack.catalog.data import load_data
from steerstack.errors import DataError, SteerstackError
from steerstack.exchange.formats import read_vector, write_vector
from steerstack.exchange.plan_file import load_plan
from steerstack.steering.vector import SteeringVector
from steerstack.study.study_file import load_study
from steerstack.testing.models import WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace.model import wrap
from steerstack.util.gguf_header import check_header
from steerstack.util.guard import read_json
from steerstack.util.yaml_file import read_yaml
from tests.core.data.test_damaged_tables import FILES
from tests.core.util.test_yaml_file import WRONG
from tests.plugins.formats.test_hostile import RAW, STRUCTURED, WRITTEN
from tests.support.mutate import mutated, other_text, other_values

SLOW = 1.0
"""Seconds that no input may take."""

PLAN = "edits:\n  - {vector: v.safetensors, layer: 2, scale: 2, tokens: prompt}\n  - vector: v.safetensors\n    layers: [1, 2]\n" \
       "    scale: 0.5\n    edit: add\n    parameters: {relative: true}\n    tokens: [0, -1]\n"  # fmt: skip
STUDY = "study: stack\nmodel: smollm2\ndata: power-seeking\nlimit: 160\nmethod: {name: pca, center: true}\n" \
        "finetunes: [lora-sft]\nlayers: [10, 14]\nshares: [0.1, 0.2]\nnulls: 3\n"  # fmt: skip
VALUES = {
    "study": "sweep",
    "layers": [1, 2],
    "method": {"name": "pca", "n": 2.5, "on": True},
    "t": 'a: b "c" \u00e9',
    "none": None,
}


@dataclass(frozen=True)
class Reader:
    """Right files by name, how each is damaged, and what reads them."""

    read: Callable[[Path], Any]
    files: dict[str, bytes]
    damages: Callable[[str], tuple[Callable[[bytes, int], bytes], ...]]
    refusals: tuple[type[Exception], ...] = (SteerstackError,)


@dataclass
class Counts:
    """What came of one reader's inputs."""

    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)


def marks(data: bytes, seed: int) -> bytes:
    """YAML with other marks."""
    return other_text(data.decode("utf-8", "replace"), random.Random(seed)).encode("utf-8", "replace")


def yaml_values(data: bytes, seed: int) -> bytes:
    """YAML with other values in the same places."""
    return other_values(json.dumps(yaml.safe_load(data)).encode(), seed)


def readers(folder: Path) -> dict[str, Reader]:
    """Each by its name; the folder holds what files refer to."""
    vectors: dict[str, bytes] = {}
    for what in WRITTEN:
        name, format = what.split()
        write_vector(SteeringVector({2: torch.arange(1.0, 9.0)}), folder / name, format, model_type="llama")
        vectors[name] = (folder / name).read_bytes()
    vectors |= {name: content if isinstance(content, bytes) else content.encode() for name, (content, _) in RAW.items()}
    SteeringVector({1: torch.ones(WIDTH), 2: torch.ones(WIDTH)}).save(folder / "v.safetensors")
    model = wrap(tiny_model("llama"), tiny_tokenizer(), name="tiny", revision=None)
    texts = {f"{at}.yaml": text.encode("utf-8", "replace") for at, text in enumerate(WRONG.values()) if len(text) < 200}

    def importers(name: str) -> tuple[Callable[[bytes, int], bytes], ...]:
        right = name not in RAW
        return (mutated, *(change for ends, change in STRUCTURED.items() if right and name.endswith(ends)))

    return {
        "importers": Reader(read_vector, vectors, importers),
        "gguf": Reader(check_header, {n: c for n, c in vectors.items() if n.endswith(".gguf")}, lambda _name: (mutated,),
                       (ValueError,)),
        "plan": Reader(lambda path: load_plan(path, model), {"plan.yaml": PLAN.encode()},
                       lambda _name: (mutated, marks, yaml_values)),
        "study": Reader(load_study, {"study.yaml": STUDY.encode()}, lambda _name: (mutated, marks, yaml_values)),
        "json": Reader(lambda path: read_json(path, DataError), {"a.json": json.dumps(VALUES).encode()},
                       lambda _name: (mutated, other_values)),
        "yaml": Reader(lambda path: read_yaml(path, DataError), {"a.yaml": yaml.safe_dump(VALUES).encode(), **texts},
                       lambda name: (mutated, marks, *((yaml_values,) if name == "a.yaml" else ()))),
        "tables": Reader(lambda path: load_data(path, behavior="x", matching="exhibits"),
                         {name: text.encode() for name, text in FILES.items()}, lambda _name: (mutated,)),
    }  # fmt: skip


def inputs(reader: Reader, seed: int) -> Iterator[tuple[str, bytes]]:
    """Damaged files without end, those of all names in turn."""
    while True:
        for name, content in reader.files.items():
            for change in reader.damages(name):
                yield name, change(content, seed)
                seed += 1


def attack(reader: Reader, folder: Path, *, seconds: float, seed: int) -> Counts:
    """Feed one reader for some processor seconds, or until Ctrl-C."""
    counts, until = Counts(), time.process_time() + seconds
    with suppress(KeyboardInterrupt):
        for name, content in inputs(reader, seed):
            if time.process_time() > until:
                break
            feed(reader, folder / name, content, counts)
    return counts


def feed(reader: Reader, path: Path, content: bytes, counts: Counts) -> None:
    """Give a reader one file, and count what comes of it."""
    path.write_bytes(content)
    began, fault = time.process_time(), ""
    try:
        reader.read(path)
    except reader.refusals:
        counts.refused += 1
    except KeyboardInterrupt:
        raise
    except BaseException:  # a reader may raise no other
        fault = traceback.format_exc(limit=-6)
    took = time.process_time() - began
    counts.inputs += 1
    counts.slowest = max(counts.slowest, took)
    if fault or took > SLOW:
        place = path.with_name(f"fault-{len(counts.faults)}-{path.name}")
        path.rename(place)
        counts.faults.append(f"{place}: {fault or f'took {took:.1f} s'}")


def main() -> int:
    """Each reader in turn; one line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="processor seconds a reader")
    parser.add_argument("--only", default="", help="readers, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where inputs are written, and those that are faults stay")
    given = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a command in the background would ignore
    folder = given.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["STEERSTACK_HOME"] = str(folder / "home")
    failed = False
    for name, reader in readers(folder).items():
        if given.only and name not in given.only.split(","):
            continue
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        counts = attack(reader, folder, seconds=given.seconds, seed=given.seed)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        sys.stdout.write(f"{name:10} {time.process_time() - began:4.0f} s, {counts.inputs:9,} inputs, {counts.refused:9,} refused, slowest {counts.slowest:.2f} s, "
              f"{len(counts.faults)} faults, memory grew by {grown:.0f} MB\n" + "".join(f"{fault}\n" for fault in counts.faults))  # fmt: skip
        sys.stdout.flush()
        failed |= bool(counts.faults)
    return failed


if __name__ == "__main__":
    sys.exit(main())
