"""A fine-tune that was made elsewhere: an adapter of peft, by its folder."""

from __future__ import annotations

import re
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from pydantic import Field, model_validator

from steerstack.contracts import Baseline, Tuned
from steerstack.errors import ModelError
from steerstack.util.show import clip

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
CAUTION = "trained elsewhere, on items that are not known here: its arms may have seen the test items"


@final
class PeftAdapter(Baseline):
    """An adapter that peft loads and merges (LoRA, Hu et al., arXiv 2106.09685, eq. 3; IA3, ...).

    Nothing is trained here, and what it was trained on is not known: its own effect is no fair
    comparison with vectors from the training items, but what a vector does on top of it is.
    ``steerstack stack --finetune FOLDER`` is short for it.
    """

    name = "peft-adapter"
    paper = "arXiv 2106.09685"

    path: Path = Field(description="Folder with adapter_config.json and adapter_model.safetensors.")
    content: str | None = Field(None, description="Digest that its files must have; of what is there by default.")

    @property
    def label(self) -> str:
        """The folder's name."""
        return re.sub(r"[^\w.+-]", "-", self.path.resolve().name)

    @model_validator(mode="before")
    @classmethod
    def _pin(cls, values: dict[str, Any]) -> dict[str, object]:
        """Another adapter in the same folder is another fine-tune."""
        content = _digest(Path(values["path"])) if "path" in values else None
        return {"content": content, **values}

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Load the adapter into a copy of the model and merge it; the items play no part.

        Raises
        ------
        ModelError
            The folder holds no adapter of this model, or one that cannot be merged.
        """
        del train, validation, seed
        from steerstack.trace.changed_weights import check_changed
        from steerstack.trace.model import wrap
        from steerstack.trace.trainable import clone

        began = time.monotonic()
        content = _digest(self.path)
        if self.content != content:
            raise ModelError(
                f"The adapter {self.path} is not the one that was asked for.",
                seen=f"content {content}, expected {self.content}",
                fix="Put the right one there, or leave out content.",
            )
        module, parameter_count, about = _merged(clone(model), self.path)
        result = wrap(
            module,
            model.tokenizer,
            name=f"{model.name}+{self.label}",
            revision=model.revision,
            manner=model.format.manner,
        )
        check_changed(result, model, f"The adapter {self.path}")
        record = {**self.parameters(), **about, "caution": CAUTION}
        return Tuned(result, parameter_count, time.monotonic() - began, record)


def _digest(folder: Path) -> str | None:
    """Digest of an adapter's files; None where they are not all there."""
    from steerstack.util import digest

    files = [folder / name for name in (CONFIG, WEIGHTS)]
    return digest.of_json([digest.of_file(file) for file in files]) if all(f.is_file() for f in files) else None


def _check_keys(folder: Path, wanted: set[str]) -> None:
    """Refuse an adapter whose weights are not those, all of those, and only those that its config makes in the model.

    Raises
    ------
    ModelError
        Some are missing or unexpected; both are listed.
    """
    from safetensors import safe_open

    with safe_open(str(folder / WEIGHTS), framework="pt") as file:
        keys = set(file.keys())
    missing, unexpected = sorted(wanted - keys), sorted(keys - wanted)
    if missing or unexpected:
        raise ModelError(
            f"The adapter {folder} does not fit the model: its weights would not all be loaded.",
            seen=f"missing {_listed(missing, len(wanted))}; unexpected {_listed(unexpected, len(keys))}",
            fix="Use the base model that it was trained on. A wrapper around it (a multimodal one, say) adds to the "
            "names: save the adapter again under the names of the language model itself.",
        )


def _listed(names: list[str], whole: int) -> str:
    if not names:
        return "none"
    return f"{len(names)} of {whole} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def _merged(module: Any, folder: Path) -> tuple[Any, int, dict[str, object]]:
    """The module with the adapter merged, the number of its parameters, and what it says of itself."""
    from peft import PeftConfig, PeftModel, get_peft_model_state_dict

    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelError(
                f"{folder} is not the folder of a peft adapter.",
                seen=f"no {name}",
                fix="Save it by save_pretrained, with safetensors.",
            )
    try:
        config = PeftConfig.from_pretrained(str(folder))
        if config.is_prompt_learning:
            raise ValueError(f"{config.peft_type} puts tokens before the prompt and changes no weights")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found missing adapter keys")  # refused below, with both lists
            adapter_model = PeftModel.from_pretrained(module, str(folder), config=config)
        weights = get_peft_model_state_dict(adapter_model)
        _check_keys(folder, set(weights))
        parameter_count = sum(weight.numel() for weight in weights.values())
        result = adapter_model.merge_and_unload()
    except (ValueError, KeyError, TypeError, RuntimeError, OSError, AttributeError) as error:
        raise ModelError(
            f"The adapter {folder} cannot be merged into the model.",
            seen=clip(str(error), 300),  # torch names the weights below its first line
            fix="Use the base model that it was trained on (its adapter_config.json names it), and an adapter that "
            "changes weights, such as LoRA.",
        ) from error
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    return result, parameter_count, {"peft_type": kind, "base": config.base_model_name_or_path}
