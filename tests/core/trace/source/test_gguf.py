"""A GGUF file is converted once, and what is kept of it is whole, bounded, and the file's own."""

import os

import gguf as writer
import numpy as np
import pytest
from transformers import AutoModelForCausalLM

from steerstack.trace import placement
from steerstack.trace.open import open_model
from steerstack.trace.source import gguf
from steerstack.util import digest

WIDTH, BLOCKS = 32, 2
VOCABULARY = [*map(chr, range(33, 127)), "Ġ", "is", "<|endoftext|>"]
BLOCK = {
    "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (16, WIDTH), "attn_v": (16, WIDTH),
    "attn_output": (WIDTH, WIDTH), "ffn_gate": (64, WIDTH), "ffn_up": (64, WIDTH), "ffn_down": (WIDTH, 64),
}  # fmt: skip


def write(path, seed=0):
    """A tiny Llama, as llama.cpp has it."""
    rng = np.random.default_rng(seed)
    file = writer.GGUFWriter(str(path), "llama")
    file.add_block_count(BLOCKS)
    file.add_context_length(128)
    file.add_embedding_length(WIDTH)
    file.add_feed_forward_length(64)
    file.add_head_count(4)
    file.add_head_count_kv(2)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(8)
    file.add_rope_freq_base(1e4)
    file.add_vocab_size(len(VOCABULARY))
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(VOCABULARY)
    file.add_token_types([1] * (len(VOCABULARY) - 1) + [3])
    file.add_token_merges(["i s"])
    file.add_bos_token_id(len(VOCABULARY) - 1)
    file.add_eos_token_id(len(VOCABULARY) - 1)
    shapes = {"token_embd": (len(VOCABULARY), WIDTH), "output": (len(VOCABULARY), WIDTH), "output_norm": (WIDTH,)}
    shapes |= {f"blk.{block}.{name}": shape for block in range(BLOCKS) for name, shape in BLOCK.items()}
    for name, shape in shapes.items():
        file.add_tensor(f"{name}.weight", (rng.normal(size=shape) * 0.2).astype(np.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return path


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path / "cache"))
    return write(tmp_path / "tiny.gguf")


@pytest.fixture
def made(monkeypatch):
    """The files that were converted."""
    sources, convert = [], gguf.convert
    monkeypatch.setattr(gguf, "convert", lambda source, out: sources.append(source) or convert(source, out))
    return sources


def test_it_is_converted_once_and_is_what_transformers_reads(file, made):
    first, again = open_model(file), open_model(file)
    assert made == [file]
    module = AutoModelForCausalLM.from_pretrained(str(file.parent), gguf_file=file.name, dtype="auto")
    assert digest.of_tensors(placement.weights(module)) == first.fingerprint == again.fingerprint
    assert first.name == str(file)
    assert first.tokenizer("is it")["input_ids"] == again.tokenizer("is it")["input_ids"]
    write(file, seed=1)
    assert open_model(file).fingerprint != first.fingerprint
    assert len(made) == 2


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", gguf.CHECKSUMS])
@pytest.mark.parametrize("fault", ["cut", "changed", "gone"])
def test_a_conversion_that_is_not_whole_is_made_again(file, made, name, fault):
    weights_file = gguf.converted(file) / name
    content = weights_file.read_bytes()
    if fault == "gone":
        weights_file.unlink()
    else:
        weights_file.write_bytes(content[:-9] if fault == "cut" else content[:-9] + b"x" + content[-8:])
    assert gguf.converted(file) / name == weights_file
    assert len(made) == 2
    assert weights_file.read_bytes() == content


def test_one_that_was_interrupted_leaves_nothing(file, monkeypatch):
    def interrupted(_file, out):
        out.mkdir()
        (out / "config.json").write_text("{")
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(gguf, "convert", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gguf.converted(file)
    folder = gguf.converted(file)
    assert gguf.whole(folder)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, f"{folder.name}.lock"}


def test_those_not_used_for_longest_go_beyond_the_bound(file, monkeypatch, tmp_path):
    first, second = gguf.converted(file), gguf.converted(write(tmp_path / "b.gguf", seed=1))
    os.utime(second, (1, 1))
    size = sum(path.stat().st_size for path in first.iterdir())
    monkeypatch.setattr(gguf, "BOUND", int(2.5 * size))
    third = gguf.converted(write(tmp_path / "c.gguf", seed=2))
    assert (first.exists(), second.exists(), third.exists()) == (True, False, True)
    monkeypatch.setattr(gguf, "BOUND", 1)
    assert gguf.converted(file) == first
    assert not third.exists()


def test_what_a_killed_process_left_is_swept(file, tmp_path):
    left = tmp_path / "cache/gguf/.made-old"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))
    fresh = left.with_name(".made-new")
    fresh.mkdir()
    gguf.converted(file)
    assert not left.exists()
    assert fresh.exists()


def test_where_nothing_can_be_kept_the_file_itself_is_loaded(file, made, monkeypatch):
    fingerprint = open_model(file).fingerprint
    (file.parent / "no-folder").write_text("")
    monkeypatch.setenv("STEERSTACK_CACHE", str(file.parent / "no-folder"))
    assert open_model(file).fingerprint == fingerprint
    assert made == [file]
