"""Open a language model: one object with standard site names, frozen and checked."""

import contextlib
import copy
import inspect
import threading
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from nnsight import CONFIG, TransformersModel
from torch import nn

from steerstack.data.manner import USUAL, Manner
from steerstack.data.prompts import ChatFormat
from steerstack.errors import ModelError, SiteError
from steerstack.steering import limits
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Component, Site
from steerstack.steering.vector import SteeringVector
from steerstack.trace import anatomy, placement
from steerstack.trace.everyday import Everyday
from steerstack.trace.paths import Paths, Shortcut
from steerstack.trace.plain import Reference
from steerstack.util import digest

if TYPE_CHECKING:
    from steerstack.contracts import GeneratingModel
    from steerstack.trace.remote.server import Server

CONFIG.APP.REMOTE_LOGGING = False


class Model(Everyday):
    """A causal language model with standard site names.

    Made by :func:`steerstack.open_model`; not meant to be built by hand.

    Attributes
    ----------
    name, revision:
        What it was opened from.
    absent:
        Components that no block has where their names would be, and what was seen instead.
    reference:
        What plain passes said of a short text on opening; None where the model was not opened but made of another.
    paths:
        The shortcuts that agree with plain passes; None until they were tried (:mod:`steerstack.engine.proof`).
    tokenizer:
        Left as it was found.
    format:
        How conversations become tokens, in the manner in which the model is asked.
    n_layers, d_model:
        Number of blocks and width of the residual stream.
    remote:
        The server that runs it; None for a model whose weights are here.
    backend:
        The same model as a backend has opened it, which generates and scores in its place; None for steerstack's own
        engine.
    visiting:
        Whether this is the server, running a call that a client sent.
    """

    remote: "Server | None" = None
    backend: "GeneratingModel | None" = None
    visiting = False
    reference: Reference | None = None

    def __init__(
        self,
        envoy: TransformersModel,
        tokenizer: Any,
        name: str,
        revision: str | None,
        paths: Paths | None = None,
        *,
        manner: Manner = USUAL,
    ) -> None:
        self.envoy = envoy
        self.tokenizer = tokenizer
        self.name, self.revision = name, revision
        self.paths = paths
        self.lock = threading.RLock()  # nnsight traces one model from one thread at a time
        self.module: nn.Module = envoy._module
        self.config: Any = self.module.config.get_text_config()  # type: ignore[union-attr, operator]
        if not hasattr(envoy, "layers"):
            raise ModelError(f"No list of blocks was found in {name}.", seen=f"model type {self.config.model_type!r}")
        self.n_layers = len(envoy.layers)
        self.absent: dict[Component, str] = {}
        self.d_model = int(self.config.hidden_size)
        self.format = ChatFormat(tokenizer, manner)

    def asked(self, manner: Manner) -> "Model":
        """The same model, weights and lock shared, that is asked in another manner."""
        _ = self.fingerprint  # known to both
        model = copy.copy(self)
        model.format = self.format.asked(manner)
        return model

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights; of those that are not quantized, where some are."""
        return next(weight.dtype for weight in self.module.parameters() if weight.is_floating_point())

    @property
    def device(self) -> torch.device:
        """Device of the embedding, where it computes."""
        first = next(self.module.parameters()).device
        return placement.computing(self.module)[0] if first.type == "meta" else first

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all weights, with their names and dtypes."""
        return digest.of_tensors(placement.weights(self.module))

    @property
    def n_ids(self) -> int:
        """Rows of the embedding: token ids lie below it."""
        embedding: Any = self.module.get_input_embeddings()  # type: ignore[operator]
        return int(embedding.weight.shape[0])

    @cached_property
    def accepts(self) -> frozenset[str]:
        """Names of the arguments that the model's forward takes."""
        return frozenset(inspect.signature(self.module.forward).parameters)

    @cached_property
    def tuple_output(self) -> bool:
        """Whether a block returns a tuple rather than a tensor, as seen on one token."""
        flags: list[bool] = []
        hook = self.envoy.layers[0]._module.register_forward_hook(
            lambda _module, _args, output: flags.append(isinstance(output, tuple))
        )
        try:
            with torch.no_grad():
                self.module(torch.zeros(1, 1, dtype=torch.long, device=self.device))
        finally:
            hook.remove()
        return flags[0]

    def may(self, shortcut: Shortcut, columns: int) -> bool:
        """Whether the engine may take a shortcut in rows of so many tokens; nothing that was not proven."""
        return self.paths is not None and self.paths.may(shortcut, columns)

    @property
    def paths_taken(self) -> dict[str, object] | None:
        """The shortcuts by which the engine made its numbers, as records have them; None where it made none."""
        return None if self.paths is None else self.paths.to_json()

    @property
    def engine(self) -> str:
        """Who makes the numbers, as records have it: ``reference``, or a backend with its version."""
        return "reference" if self.backend is None else self.backend.engine

    def path(self, site: Site) -> str:
        """Native path of the module that a site reads, for the record."""
        module = self.module_at(site)
        return next(path for path, part in self.module.named_modules() if part is module)

    def inner(self, site: Site) -> str:
        """Dotted name, inside a block, of the module whose output (input, for heads) a site reads.

        Raises
        ------
        SiteError
            The block has no such component.
        """
        name = self._sublayer(site)
        if name is None:
            layers = [layer for layer in range(self.n_layers) if self._sublayer(Site(site.component, layer))]
            block = self.envoy.layers[site.layer]._module
            reason = self.absent.get(site.component)
            raise SiteError(
                f"There is no {site.component} in block {site.layer} of {self.name}.",
                seen=reason or f"a block of {anatomy.children(block)}",
                fix=f"Use resid_post, or {site.component} of a layer that has it: {', '.join(map(str, layers))}."
                if layers
                else "Use resid_pre or resid_post.",
            )
        return name

    def has(self, site: Site) -> bool:
        """Whether there is such a layer, with such a component."""
        return site.layer < self.n_layers and (site.component.startswith("resid") or self._sublayer(site) is not None)

    def _sublayer(self, site: Site) -> str | None:
        if site.component in self.absent:
            return None
        block = self.envoy.layers[site.layer]._module
        return anatomy.sublayer(block, site.component, self.config.model_type)

    def width(self, site: Site) -> int:
        """Width of the activations at a site: ``d_model``, but for ``head_out`` heads * head_dim."""
        if site.component != "head_out":
            return self.d_model
        weight = self.module_at(site).weight
        assert isinstance(weight, torch.Tensor)
        return int(weight.numel() // self.d_model)

    def module_at(self, site: Site) -> nn.Module:
        """The module that a site reads: the block itself, or one of its sublayers."""
        block = self.envoy.layers[site.layer]._module
        assert isinstance(block, nn.Module)
        return block if site.component.startswith("resid") else block.get_submodule(self.inner(site))

    def check_site(self, site: Site) -> None:
        """Refuse a site that the model does not have.

        Raises
        ------
        SiteError
            The layer is out of range, or the component does not exist here.
        """
        if site.layer >= self.n_layers:
            raise SiteError(
                f"Layer {site.layer} is out of range.",
                seen=f"{self.name} has {self.n_layers} layers",
                fix=f"Use a layer from 0 to {self.n_layers - 1}.",
            )
        if not site.component.startswith("resid"):
            self.inner(site)

    def check_plan(self, plan: Plan) -> None:
        """Refuse a plan that does not fit the model.

        Raises
        ------
        SiteError
            A site does not exist here.
        ModelError
            A direction is of another width, or so strong that the dtype cannot hold what comes out.
        """
        for edit in plan:
            self.check_site(edit.site)
            if edit.width not in (None, self.width(edit.site)):
                raise ModelError(
                    f"{type(edit).__name__} at {edit.site} does not fit {self.name}.",
                    seen=f"a direction of width {edit.width}, a model of width {self.width(edit.site)} there",
                    fix="Use a vector extracted from this model.",
                )
        limits.check_strength(plan, self.dtype, self.name)

    def check_vector(self, vector: SteeringVector, *, transfer: bool = False) -> None:
        """Refuse a vector that does not belong to this model.

        Parameters
        ----------
        vector:
            The vector.
        transfer:
            See :meth:`~steerstack.steering.origin.Origin.check_weights`.

        Raises
        ------
        ModelError
            Another width, layers that do not exist, or (unless ``transfer``) other weights.
        """
        fits = vector.layers[-1] < self.n_layers and vector.d_model == self.width(vector.site(vector.layers[0]))
        if not fits:
            raise ModelError(
                f"The vector does not fit {self.name}.",
                seen=f"a vector of width {vector.d_model} up to layer {vector.layers[-1]}; "
                f"a model of width {self.d_model} with {self.n_layers} layers",
                fix=f"It was made from {vector.origin.model_name}: use that model.",
            )
        vector.origin.check_weights(self.name, self.fingerprint, transfer=transfer)

    @contextlib.contextmanager
    def exclusive(self, *, gradients: bool = False) -> Iterator[None]:
        """Hold the model for one trace, without nnsight's asides, and without gradients unless asked."""
        with self.lock, torch.set_grad_enabled(gradients), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield


def wrap(module: nn.Module, tokenizer: Any, *, name: str, revision: str | None, manner: Manner = USUAL) -> Model:
    """Wrap a loaded Hugging Face model: parameters frozen, the tokenizer left as it was; asked in a manner."""
    if not getattr(module, "can_generate", lambda: False)():
        raise ModelError(
            f"{name} is not a causal language model.",
            seen=type(module).__name__,
            fix="Load it with AutoModelForCausalLM.",
        )
    names = anatomy.aliases(module, name)
    before = (tokenizer.padding_side, tokenizer.pad_token)
    module.requires_grad_(False)
    module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        envoy = TransformersModel(module, tokenizer=tokenizer, task="text-generation", rename=names)
    tokenizer.padding_side = before[0]
    if tokenizer.pad_token != before[1]:
        tokenizer.pad_token = before[1]
    return Model(envoy, tokenizer, name, revision, manner=manner)
