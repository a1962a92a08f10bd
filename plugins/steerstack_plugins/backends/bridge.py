"""A TransformerBridge that runs plans. Imported only when one is opened, since it imports TransformerLens."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, final

import torch

from steerstack.contracts import Opened
from steerstack.errors import ModelError, PluginError, SiteError, first_line
from steerstack.exchange.folded_basis import Folding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float
    from torch import Tensor, nn

    from steerstack.steering.intervention import Intervention, Plan
    from steerstack.steering.site import Component
    from steerstack.steering.tokens import TokenSequence

HOOKS: dict[Component, str] = {
    "resid_pre": "hook_in",
    "head_out": "attn.o.hook_in",
    "attn_out": "attn.hook_out",
    "mlp_out": "mlp.hook_out",
    "resid_post": "hook_out",
}
"""Component to the bridge's hook in a block: those of the sublayers stand before any norm that follows them."""


@final
class Bridge(Opened):
    """A model opened by TransformerLens.

    Parameters
    ----------
    module:
        A model of transformers that nobody else uses: it is rewritten in place.
    tokenizer:
        Its tokenizer; only kept by the bridge, which is given token ids.
    folded:
        Whether its norms are folded into what reads them and what writes is centred.

    Raises
    ------
    ModelError
        TransformerLens does not know the architecture.
    """

    def __init__(self, module: nn.Module, tokenizer: Any, *, folded: bool) -> None:
        self.folded = folded
        self._folding = Folding.of(module)  # of the model as it is, before it is rewritten
        self.bridge = _bridge(module, tokenizer)
        if folded:
            self.bridge.enable_compatibility_mode()
        self.bridge.eval()

    @torch.no_grad()
    def logits(self, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
        """Logits of one unpadded sequence under a plan, in float32; folding shifts all of a position's alike."""
        ids = torch.tensor([sequence.ids], device=self.bridge.cfg.device)
        hooks = [(self._hook(edit), _editor(edit, edit.tokens.positions(sequence))) for edit in plan]
        logits = self.bridge.run_with_hooks(ids, fwd_hooks=hooks, return_type="logits", prepend_bos=False)
        return logits[0].float().cpu()  # type: ignore[no-any-return]

    def portable(self, plan: Plan) -> Sequence[str]:
        """Edits that do not mean the same in the folded basis; in the raw one there are none."""
        return self._folding.differs(plan) if self.folded else []

    def _hook(self, edit: Intervention) -> str:
        name = f"blocks.{edit.site.layer}.{HOOKS[edit.site.component]}"
        if name not in self.bridge.hook_dict:
            raise SiteError(
                f"TransformerLens has no hook for {edit.site} here.",
                seen=f"no {name}",
                fix=f"It has {self.bridge.cfg.n_layers} layers; compare at resid_pre or resid_post, which all have.",
            )
        return name


def _editor(edit: Intervention, positions: Sequence[int]) -> Callable[..., Tensor]:
    def change(hidden: Tensor, hook: Any) -> Tensor:
        del hook
        wide = hidden.flatten(2).clone()  # heads lie apart in some architectures: [1, token, head, d_head]
        wide[:, list(positions)] = edit.edit(wide[:, list(positions)])
        return wide.reshape(hidden.shape)

    return change


def _bridge(module: nn.Module, tokenizer: Any) -> Any:
    try:
        from transformer_lens.model_bridge import TransformerBridge
    except ImportError as error:
        raise PluginError(
            "TransformerLens is not installed.", seen=str(error), fix='Install it: pip install "steerstack[tl]"'
        ) from error
    config: Any = module.config
    config.architectures = [type(module).__name__]  # by this it is recognised
    dtype = next(p.dtype for p in module.parameters() if p.is_floating_point())
    device = str(next(module.parameters()).device)
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        try:
            return TransformerBridge.boot_transformers(
                folder, hf_model=module, tokenizer=tokenizer, device=device, dtype=dtype
            )
        except (ValueError, KeyError, NotImplementedError) as error:
            raise ModelError(
                f"TransformerLens cannot open {type(module).__name__}.",
                seen=first_line(error)[:200],
                fix="The cross-check needs an architecture that TransformerLens knows.",
            ) from error


def open_bridge(source: str, *, folded: bool, dtype: str, device: str, revision: str | None) -> Bridge:
    """Load a model for TransformerLens alone, and wrap it.

    Raises
    ------
    ModelError
        It cannot be loaded, or TransformerLens does not know its architecture.
    PluginError
        TransformerLens is not installed.
    """
    from steerstack.trace.load import dtype_named, load_pretrained

    module, tokenizer = load_pretrained(
        source, revision=revision, dtype=dtype_named(dtype), device=device, tokenizer=None
    )
    return Bridge(module.eval(), tokenizer, folded=folded)
