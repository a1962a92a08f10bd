"""A feature of a sparse autoencoder: one row of its decoder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import ExtractionError, UnsafeFileError, first_line
from steerstack.util.guard import read_json

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.steering.site import Component, Site

CONFIG, WEIGHTS, DECODER = "cfg.json", "sae_weights.safetensors", "W_dec"


@final
class SaeFeature(Extractor):
    """The decoder row ``W_dec[feature]`` of a sparse autoencoder, as it stands in the file.

    Source: Cunningham et al., arXiv 2309.08600, whose features are these rows.

    Nothing is fitted: the pairs serve only the record. The row is not normalised; the scale is
    chosen like that of any other vector (AxBench, arXiv 2501.17148, multiplies the unit row by a
    share of the feature's greatest activation). An autoencoder that was trained on rescaled
    activations, or in a basis such as the centred one of TransformerLens, keeps its row as it is.

    Read are a folder as sae-lens writes it (``cfg.json`` and ``sae_weights.safetensors``), one
    safetensors file with ``W_dec`` [feature, d_model], or either on the Hugging Face hub
    (``owner/name`` or ``owner/name/folder``). Pickles and NumPy archives are refused.
    """

    name = "sae"
    paper = "arXiv 2309.08600"
    needs = ("sae-lens format",)

    path: str = Field(description="Folder, safetensors file, or OWNER/NAME[/FOLDER] on the hub.")
    feature: int = Field(ge=0, description="Index of the feature.")
    layer: int | None = Field(
        None, ge=0, description="Layer of the direction; that of the hook in cfg.json by default."
    )

    def fit(self, pairs: PairStream) -> Fitted:
        """Read the row."""
        config, weights = self._files()
        about = read_config(config) if config else {}
        site = self._site(pairs, about)
        row, count = read_row(weights, self.feature)
        width = pairs.model.width(site)
        if len(row) != width:
            raise ExtractionError(
                f"The autoencoder does not fit {pairs.model.name}.",
                seen=f"rows of width {len(row)}; {site} has width {width}",
                fix=f"It was made for {about.get('model_name') or 'another model'}: use that model.",
            )
        record = {
            "features": count,
            **{key: about[key] for key in ("architecture", "model_name", "hook_name") if about.get(key)},
        }
        return Fitted({site.layer: row}, component=site.component, record=record)

    def _files(self) -> tuple[Path | None, Path]:
        """The config, if there is one, and the weights."""
        local = Path(self.path).expanduser()
        if os.path.isdir(local):
            config, weights = local / CONFIG, local / WEIGHTS
            if not weights.is_file():
                raise ExtractionError(
                    f"{local} holds no {WEIGHTS}.",
                    seen=", ".join(sorted(entry.name for entry in local.iterdir())[:8]) or "an empty folder",
                    fix="Give a folder that sae-lens saved, or a safetensors file with W_dec.",
                )
            return (config if config.is_file() else None), weights
        if os.path.isfile(local):
            beside = local.parent / CONFIG
            return (beside if beside.is_file() else None), local
        if re.fullmatch(r"[\w.-]+(/[\w.=-]+)+", self.path):
            return _download(self.path)
        raise ExtractionError(f"There is no file or folder {self.path}.", fix="Check the path.")

    def _site(self, pairs: PairStream, about: dict[str, Any]) -> Site:
        from steerstack.steering.site import Site

        hook = str(about.get("hook_name") or "")
        component, layer = parse_hook(hook) or (pairs.component, None)
        number = self.layer if self.layer is not None else layer
        if number is None:
            raise ExtractionError(
                "It is not known at which layer the autoencoder was trained.",
                seen=f"hook {hook!r}" if hook else f"no hook name in a {CONFIG}",
                fix="Add --set layer=N.",
            )
        site = Site(component, number)
        pairs.model.check_site(site)
        return site


def parse_hook(name: str) -> tuple[Component, int] | None:
    """Component and layer of a hook or module name; None if it is of no kind known here.

    ``blocks.L.hook_resid_pre`` and the like (TransformerLens, which sae-lens uses),
    ``blocks.L.attn.hook_z``, or ``model.layers.L``, ``transformer.h.L`` (outputs of blocks).
    """
    if match := re.fullmatch(r"blocks\.(\d+)\.hook_(resid_pre|resid_post|attn_out|mlp_out)", name):
        return match[2], int(match[1])  # type: ignore[return-value]  # the pattern lists components
    if match := re.fullmatch(r"blocks\.(\d+)\.attn\.hook_z", name):
        return "head_out", int(match[1])
    if match := re.fullmatch(r"(?:(?:model|transformer|gpt_neox)\.)*(?:layers|h)\.(\d+)(?:\.output)?", name):
        return "resid_post", int(match[1])
    return None


def read_config(path: Path) -> dict[str, object]:
    """The config of a sae-lens folder, with the metadata of its newer form (6.0) at the top level."""
    config = read_json(path, ExtractionError, fix="Download it again.")
    inner = config.get("metadata")
    return {**config, **(inner if isinstance(inner, dict) else {})}


def read_row(path: Path, feature: int) -> tuple[Float[Tensor, " d_model"], int]:
    """One row of ``W_dec`` in float32, and how many rows there are; the rest of the file is not read.

    Raises
    ------
    UnsafeFileError
        The file is not a safetensors file: a pickle or a NumPy archive could run code.
    ExtractionError
        It is damaged, has no ``W_dec``, or not that many features.
    """
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        raise UnsafeFileError(
            f"{path.name} is not a safetensors file.",
            seen=f"suffix {path.suffix!r}",
            fix="Load it where it was made and save W_dec with safetensors.torch.save_file.",
        )
    try:
        with safe_open(str(path), framework="pt") as file:
            names = sorted(file.keys())
            if DECODER not in names:
                raise ExtractionError(f"{path} has no {DECODER}.", seen=", ".join(names) or "no tensors")
            rows = file.get_slice(DECODER)
            shape = tuple(rows.get_shape())
            if len(shape) != 2:
                raise ExtractionError(f"{DECODER} of {path} is not [feature, d_model].", seen=f"shape {shape}")
            if feature >= shape[0]:
                raise ExtractionError(
                    f"There is no feature {feature}.", seen=f"{shape[0]} features", fix=f"Use 0 to {shape[0] - 1}."
                )
            return rows[feature : feature + 1][0].float().clone(), shape[0]
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ExtractionError(f"{path} cannot be read.", seen=str(error), fix="Download it again.") from error


def _download(path: str) -> tuple[Path | None, Path]:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    owner, name, *rest = path.split("/")
    inside = "/".join(rest)
    alone = inside.endswith(".safetensors")
    folder = inside.rpartition("/")[0] if alone else inside
    file_name = inside if alone else f"{folder}/{WEIGHTS}".lstrip("/")
    try:
        weights = Path(hf_hub_download(f"{owner}/{name}", file_name))
        try:
            config = Path(hf_hub_download(f"{owner}/{name}", f"{folder}/{CONFIG}".lstrip("/")))
        except EntryNotFoundError:
            return None, weights
        return config, weights
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ExtractionError(
            f"There is no file or folder {path}, and {file_name} of {owner}/{name} cannot be had from the hub.",
            seen=first_line(error),
            fix="Check the path and the network, or download the folder and give its path.",
        ) from error
