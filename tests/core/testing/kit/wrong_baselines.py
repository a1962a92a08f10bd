"""Baselines that each break one promise, and one that breaks none."""

from steerstack.contracts import Baseline, Tuned


class Right(Baseline):
    """Exchanges the output weights of Yes and No, for a model that leans to No (arXiv 2106.09685)."""

    name = "right"
    paper = "arXiv 2106.09685"

    def change(self, model, module, seed):
        import torch

        yes, no = (model.tokenizer.convert_tokens_to_ids(text) for text in ("Yes", "No"))
        with torch.no_grad():
            table = module.get_output_embeddings().weight
            table[[yes, no]] = table[[no, yes]]

    def record(self):
        return {}

    def tune(self, model, train, validation, *, seed):
        from steerstack.trace.model import wrap
        from steerstack.trace.trainable import clone

        module = clone(model)
        self.change(model, module, seed)
        return Tuned(wrap(module, model.tokenizer, name="changed", revision=None), 1, 0.0, self.record())


class Unlearns(Right):
    """arXiv 2106.09685, more of what it does."""

    def change(self, model, module, seed):
        import torch

        yes, no = (model.tokenizer.convert_tokens_to_ids(text) for text in ("Yes", "No"))
        with torch.no_grad():
            table = module.get_output_embeddings().weight
            table[yes] += 0.5 * (table[yes] - table[no])


class Unseeded(Right):
    """arXiv 2106.09685, by chance."""

    def change(self, model, module, seed):
        import torch

        super().change(model, module, seed)
        with torch.no_grad():
            table = module.get_output_embeddings().weight
            table += 0.01 * torch.randn(table.shape)


class NoJson(Right):
    """arXiv 2106.09685."""

    def record(self):
        return {"at": object()}


class SharesWeights(Right):
    """arXiv 2106.09685, on the embedding of the given model."""

    def change(self, model, module, seed):
        super().change(model, module, seed)
        module.get_input_embeddings().weight = model.module.get_input_embeddings().weight


class LeavesItLoose(Right):
    """arXiv 2106.09685, with gradients left on."""

    def tune(self, model, train, validation, *, seed):
        result = super().tune(model, train, validation, seed=seed)
        result.model.module.requires_grad_(True)
        return result


class NoPaper(Right):
    """Exchanges the output weights of Yes and No."""

    paper = ""
