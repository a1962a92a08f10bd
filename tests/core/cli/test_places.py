"""Names that no file can have, and places where none can be written: one error, before any work."""

import pytest
from tests.support.command import steerstack

LONG = "a" * 300
"""File systems take 255 bytes."""

READ = {
    "model": ["extract", "--model", LONG, "--data", "TABLE", "--out", "v.safetensors"],
    "data": ["extract", "--model", "MODEL", "--data", LONG, "--out", "v.safetensors"],
    "vector": ["generate", "hi", "--model", "MODEL", "--vector", LONG, "--layer", "1"],
    "plan's vector": ["generate", "hi", "--model", "MODEL", "--plan", "plan.yaml"],
    "shown": ["vectors", "show", f"{LONG}.safetensors"],
    "fine-tune": ["stack", "--model", "MODEL", "--data", "TABLE", "--finetunes", LONG, "--plan-only"],
    "null character": ["data", "check", "a\0b.csv"],
}
WRITTEN = {
    "vector": ["extract", "--model", "MODEL", "--data", "TABLE", "--out", LONG],
    "nearly too long": ["evaluate", "--model", "MODEL", "--data", "TABLE", "--json", "a" * 250],
    "dump": ["evaluate", "--model", "MODEL", "--data", "TABLE", "--dump", LONG],
    "a folder": ["generate", "hi", "--model", "MODEL", "--json", "."],
    "report": ["sweep", "--model", "MODEL", "--data", "TABLE", "--layers", "1", "--report", f"{LONG}/r.html"],
}


def ran(words, tiny_folder, table, folder):
    named = {"MODEL": tiny_folder, "TABLE": table}
    (folder / "plan.yaml").write_text(f"edits:\n  - vector: {LONG}\n    layers: [1]\n")
    process = steerstack(*(named.get(word, word) for word in words), check=False, cwd=folder)
    assert process.returncode == 1
    assert process.stderr.count("error:") == 1, process.stderr
    assert "Traceback" not in process.stderr
    return process.stderr


@pytest.mark.parametrize("name", READ)
def test_a_name_that_no_file_can_have_is_not_there(name, tiny_folder, table, tmp_path):
    ran(READ[name], tiny_folder, table, tmp_path)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_cannot_be_written_is_said_before_a_model_is_opened(name, tiny_folder, table, tmp_path, passes):
    assert "nothing was started" in ran(WRITTEN[name], tiny_folder, table, tmp_path)
    assert not passes
