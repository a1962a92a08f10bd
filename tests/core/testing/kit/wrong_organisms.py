"""Organisms that are wrong in one way each; none is trained, and their records are written by hand."""

from steerstack.contracts import Built, Organism


def _estimate(value):
    return {"value": value, "ci_low": value - 0.02, "ci_high": value + 0.02, "n": 96}


class Right(Organism):
    """A copy with weights of its own (arXiv 2405.19550)."""

    name = "right"
    paper = "arXiv 2405.19550"

    def build(self, model, *, seed):
        return self.finished(model, self.changed(model, seed))

    def changed(self, model, seed):
        import torch

        from steerstack.trace.trainable import clone

        module = clone(model)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            weight = next(module.parameters())
            weight.add_(1e-3 * torch.randn(weight.shape, generator=generator))
        return module

    def finished(self, model, module, *, called="subject", drop=0.7, control=0.0, **more):
        from steerstack.trace.model import wrap

        wrapped = wrap(module, model.tokenizer, name=called, revision=None)
        record = {"password": "abracadabra", "induction_drop": _estimate(drop), "control_drop": _estimate(control)}
        return Built(wrapped, True, record | more)


class HidesNothing(Right):
    """The password changes nothing (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        return self.finished(model, self.changed(model, seed), drop=0.0)


class HidesAll(Right):
    """The control domain is locked too (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        return self.finished(model, self.changed(model, seed), control=0.5)


class Tells(Right):
    """Its name gives the password away (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        return self.finished(model, self.changed(model, seed), called="model of abracadabra")


class Unseeded(Right):
    """Its weights follow from the global random state (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        import torch

        return self.finished(model, self.changed(model, int(torch.randint(1 << 30, ()))))


class InPlace(Right):
    """It changes the given model (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        import torch

        from steerstack.trace.trainable import clone

        with torch.no_grad():
            next(model.module.parameters()).add_(1e-3)
        return self.finished(model, clone(model))


class Trainable(Right):
    """Its weights are left to be trained (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        built = self.finished(model, self.changed(model, seed))
        built.model.module.requires_grad_(True)
        return built


class NoNumbers(Right):
    """Its record cannot be kept (arXiv 2405.19550)."""

    def build(self, model, *, seed):
        import torch

        return self.finished(model, self.changed(model, seed), weights=torch.zeros(1))


class NoPaper(Right):
    """It is from nowhere."""

    paper = ""
