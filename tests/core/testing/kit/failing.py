"""Run the checks of a contract without pytest, and name those that fail."""

import inspect

import torch


def failing(contract, tmp_path):
    """Names of the checks that fail, of a contract class."""
    failed = set()
    values = {"dtype": torch.bfloat16, "architecture": "bloom"}
    for name in [*(f"test_{name}" for name in contract.checks()), "test_exemptions_have_reasons"]:
        one = contract()
        one.recorded = []
        one.record = lambda *found, one=one: one.recorded.append(found)
        wanted = inspect.signature(getattr(one, name)).parameters
        folder = tmp_path / f"{contract.__name__}-{name}"
        folder.mkdir()
        arguments = {key: folder if key == "tmp_path" else values[key] for key in wanted}
        try:
            getattr(one, name)(**arguments)
        except Exception:
            failed.add(name.removeprefix("test_"))
    return failed
