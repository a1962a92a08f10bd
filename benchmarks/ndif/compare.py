"""The demo's sweep on SmolLM2: here, through ``steerstack serve``, and through the real ndif package with Ray.

Run by ``nox -s ndif``, which makes the server's environment (ndif, Ray, nnsight; no steerstack)::

    python benchmarks/ndif/compare.py --server-env FOLDER --out benchmarks/results/ndif.json
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
import torch
from cluster import HOST, running

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.cli.commands.demo import BEHAVIOR
from steerstack.data.items import DataSet
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.steering.vector import SteeringVector
from steerstack.study.sweep.result import SweepResult
from steerstack.study.sweep.study import Sweep
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.trace.embedded_model import embedded_model
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

LAYERS, SCALES, ITEMS = (10, 14, 18, 22), (-1.0, 1.0), 40
"""Layers of the demo; scales in units of the vector as it is extracted."""

TOLERANCE = 1e-4


@contextlib.contextmanager
def loopback(model: str) -> Iterator[str]:
    """``steerstack serve``, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "steerstack", "serve", model, "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/env", timeout=5)
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


class Run:
    """What is done with a model, wherever it is, and what that took."""

    def __init__(self, remote: str | None, source: str, data: DataSet) -> None:
        self.about: dict[str, Any] = {}
        self.model: Model = self._timed("open", lambda: open_model(source, remote=remote))
        method = find("extractor", "mean-difference").make()
        self.vector: SteeringVector = self._timed("extract", lambda: extract(self.model, data, method, store=None))
        swept = Sweep(data=BEHAVIOR, layers=LAYERS, scales=SCALES, vector=self.vector, nulls=0)
        with TemporaryDirectory() as folder:
            self.sweep: SweepResult = self._timed("sweep", lambda: swept.run(self.model, data=data, folder=folder))
        bipo = find("extractor", "bipo").make({"epochs": 1, "layer": LAYERS[0]})
        self.trained: SteeringVector = self._timed("train", lambda: extract(self.model, data.limit(8), bipo))
        prompts = [self.model.format.sequence(Prompt(item.question)) for item in data.limit(4)]
        plans = [apply(self.vector, layer, 1.0) for layer in LAYERS[:2]]
        self.answers = self._timed("generate", lambda: generate(self.model, prompts, plans, Sampling(16)))

    def _timed(self, what: str, work: Any) -> Any:
        before = self._counts()
        began = time.monotonic()
        result = work()
        if what == "open":
            self.model = result
        after = self._counts()
        self.about[what] = {"seconds": round(time.monotonic() - began, 2)} | {
            name: after[name] - before.get(name, 0) for name in after
        }
        return result

    def _counts(self) -> dict[str, int]:
        remote = getattr(getattr(self, "model", None), "remote", None)
        return {} if remote is None else {name: getattr(remote, name) for name in ("requests", "sent", "received")}

    def differences(self, other: "Run") -> dict[str, float]:
        """Largest differences from another run, in nats, or in the vector's own units over its norm."""
        mine, theirs = (run.sweep for run in (self, other))
        arms = zip([mine.unsteered, *mine.values], [theirs.unsteered, *theirs.values], strict=True)
        return {
            "log_odds": max(float(np.abs(a.log_odds - b.log_odds).max()) for a, b in arms),
            "kl": max(abs(a["kl"] - b["kl"]) for a, b in zip(mine.costs, theirs.costs, strict=True)),
            "vector": max(_apart(self.vector, other.vector)),
            "trained_vector": max(_apart(self.trained, other.trained)),
            "answers": sum(a.tokens != b.tokens for a, b in zip(self.answers, other.answers, strict=True)),
        }


def _apart(one: SteeringVector, other: SteeringVector) -> list[float]:
    return [float((one[layer] - other[layer]).norm() / other[layer].norm()) for layer in other.layers]


def main() -> None:
    """Run all three, compare, write, and fail where they differ or took too many requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server-env", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--logs", type=Path, default=Path("ndif-logs"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server's processes end too
    source, data = str(embedded_model()), load_data(BEHAVIOR).limit(ITEMS)
    here = Run(None, source, data)
    with loopback(source) as host:
        served = Run(host, source, data)
    with running(arguments.server_env, arguments.logs) as cluster:
        ndif = Run(HOST, source, data)
        memory, versions = cluster.memory(), httpx.get(f"{HOST}/env", timeout=60).json()
    report = {
        "date": date.today().isoformat(),
        "sweep": {"behavior": BEHAVIOR, "items": ITEMS, "layers": LAYERS, "scales": SCALES, "arms": 9},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} thread",
        "server": {
            name: versions["packages"].get(name) for name in ("ndif", "nnsight", "ray", "torch", "transformers")
        },
        "server_has_steerstack": "steerstack" in versions["packages"],
        "client": {name: importlib.metadata.version(name) for name in ("steerstack", "nnsight", "torch")},
        "ndif_gigabytes": round(memory / 1e9, 1),
        "took": {"here": here.about, "serve": served.about, "ndif": ndif.about},
        "differences": {"serve": served.differences(here), "ndif": ndif.differences(here)},
        "weights_here": sorted({parameter.device.type for parameter in ndif.model.module.parameters()}),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))
    for name, run in (("serve", served), ("ndif", ndif)):
        assert max(report["differences"][name].values()) <= TOLERANCE, f"{name} differs"
        assert run.about["sweep"]["requests"] <= len(LAYERS) + 2, f"{name} took too many requests"


if __name__ == "__main__":
    main()
