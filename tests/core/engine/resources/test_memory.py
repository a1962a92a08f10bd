"""Memory stays bounded: a sweep's by the model's own, an extraction's whatever the number of pairs.

Each figure is of a fresh process; what is counted and what is not, ``benchmarks/memory.py`` says.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from Linux's /proc")

MEASURE = Path(__file__).parents[4] / "benchmarks/memory.py"
DATA = Path(os.environ.get("STEERSTACK_DATA", Path(__file__).parents[5] / "shared/data"))
SYCOPHANCY = DATA / "caa/test/sycophancy/test_dataset_ab.json"
needs_data = pytest.mark.skipif(not SYCOPHANCY.exists(), reason="STEERSTACK_DATA does not point to the evaluation sets")


def measure(*options):
    command = [sys.executable, str(MEASURE), *options, "--threads", "1"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not process.returncode, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.smollm2
@pytest.mark.xdist_group("smollm2")
@needs_data
def test_a_sweep_peaks_at_one_and_a_half_times_the_weights():
    """From before the model was loaded; passes of 1024 tokens, nine scales and two layers."""
    memory = measure(
        "sweep", "--data", str(SYCOPHANCY), "--items", "20", "--layers", "5,17", "--tokens", "1024"
    )  # fmt: skip
    assert memory["weights"] > 500e6
    assert memory["peak"] <= 1.5 * memory["weights"]


@pytest.mark.parametrize("lazy", [(), ("--lazy",)], ids=["list", "lazy"])
def test_extraction_from_20000_pairs_peaks_where_that_from_200_does(lazy):
    """The whole process's peak, less the pairs that the caller holds."""
    few, many = (measure("extraction", "--count", count, "--length", "12", *lazy) for count in ("200", "20000"))
    assert many["peak"] - many["pairs"] <= 1.1 * (few["peak"] - few["pairs"])
