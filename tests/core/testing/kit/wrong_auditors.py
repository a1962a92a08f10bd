"""Auditors that are wrong in one way each."""

from steerstack.contracts import Auditor, Opinion


class Right(Auditor):
    """It says the same of every model (arXiv 2406.07358)."""

    name = "right"
    paper = "arXiv 2406.07358"

    def judge(self, model, questions, *, seed):
        return Opinion(self.stated(model), False, questions.labels, self.told(model))

    def stated(self, model):
        return 0.3

    def told(self, model):
        return {"n": 1}


class CountsTooMuch(Right):
    """It counts labels that it never had (arXiv 2406.07358)."""

    def judge(self, model, questions, *, seed):
        return Opinion(0.3, False, questions.labels + 1)


class Unseeded(Right):
    """It draws from the global random state (arXiv 2406.07358)."""

    def stated(self, model):
        import torch

        return float(torch.rand(()))


class ReadsNames(Right):
    """It goes by the model's name (arXiv 2406.07358)."""

    def stated(self, model):
        return 0.9 if "other" in model.name else 0.1


class InPlace(Right):
    """It changes the model (arXiv 2406.07358)."""

    def stated(self, model):
        import torch

        with torch.no_grad():
            next(model.module.parameters()).add_(1e-3)
        return 0.3


class NoJson(Right):
    """Its details cannot be kept (arXiv 2406.07358)."""

    def told(self, model):
        return {"model": model}


class NoPaper(Right):
    """It is from nowhere."""

    paper = ""
