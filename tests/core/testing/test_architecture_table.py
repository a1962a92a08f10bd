"""Tiny models of many architectures: opened, scored, steered, read and continued as by plain transformers."""

from pathlib import Path

import pytest

from steerstack.testing.architecture_table import CLOSE, Row, markdown, row, summary
from steerstack.testing.architectures import types

NAMED = (
    "lfm2", "lfm2_moe", "falcon_h1", "qwen3_next", "qwen3_5_text", "jamba", "nemotron_h", "minimax", "recurrent_gemma",
    "mamba", "mamba2", "rwkv", "gpt_neo", "ctrl", "mpt", "biogpt", "mixtral", "qwen3_moe", "gpt_oss", "llama4_text",
)  # fmt: skip
"""Hybrids, recurrent models, mixtures of experts, and those with a window or a mask of their own."""

OTHERS = (
    "apertus", "bamba", "bitnet", "bloom", "cohere2", "deepseek_v3", "diffllama", "ernie4_5", "exaone4", "falcon",
    "gemma", "gemma2", "gemma3_text", "glm4", "gpt_bigcode", "gptj", "granite", "granitemoeshared", "helium", "llama",
    "minicpm3", "mistral", "modernbert-decoder", "olmo3", "olmoe", "openai-gpt", "opt", "phi", "phi3", "qwen2_moe",
    "smollm3", "stablelm", "starcoder2", "xglm", "zamba2",
)  # fmt: skip

PAGE = Path(__file__).parents[3] / "docs/reference/architectures.md"


def documented():
    """The last cell of the documentation's table by model type."""
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {cells[1].strip(" `"): cells[-2].strip() for cells in rows}


@pytest.mark.parametrize("name", [*NAMED, *OTHERS])
def test_it_gives_what_transformers_gives(name):
    entry = row(name)
    assert entry.worst is not None, entry.path
    assert entry.worst < CLOSE
    assert entry.path == documented()[name]


@pytest.mark.parametrize(
    ("name", "why"), [("gemma3n_text", "is not [batch, token, d_model]"), ("hrm_text", "No one list of blocks")]
)
def test_what_cannot_be_steered_is_refused_with_a_reason(name, why):
    entry = row(name)
    assert entry.worst is None
    assert why in entry.path
    assert entry.path == documented()[name]


def test_the_types_are_those_of_transformers():
    names = types()
    assert set(NAMED) | set(OTHERS) <= set(names)
    assert not {"bart", "whisper", "gemma3", "bert"} & set(names)  # not decoders of text alone
    assert set(documented()) == set(names), "make the page anew, as it says"


def test_the_table():
    text = markdown([Row("llama", "all shortcuts", 9.5e-7, 1e-6, 0.0, 0.0), Row("x", "refused: why")])
    assert text.splitlines()[2:] == [
        "| `llama` | 1e-06 | 1e-06 | 0 | 0 | all shortcuts |",
        "| `x` |  |  |  |  | refused: why |",
    ]


def test_the_summary_counts_what_agrees_what_does_not_and_what_is_left():
    agree, refused, left = Row("llama", "", 9.5e-7, 1e-6, 0.0, 0.0), Row("x", "refused: why"), Row("y", "not made: why")
    assert summary([agree, refused, left]) == (
        "Of 3 model types, 1 give what transformers gives within 1e-04 (the largest difference is 1.0e-06), "
        "1 are refused, and 1 could not be made small."
    )
    assert "within 1e-04 (the largest difference is 2.0e-02), 1 do not," in summary([Row("z", "", 0.0, 0.02, 0.0, 0.0)])
