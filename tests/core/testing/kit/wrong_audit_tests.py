"""Tests of an audit that are wrong in one way each."""

from steerstack.contracts import AuditOutcome, AuditTest


class Right(AuditTest):
    """It finds the same in every model (arXiv 2406.07358)."""

    name = "right"
    paper = "arXiv 2406.07358"

    def look(self, examination):
        return AuditOutcome(self.number(examination), self.counts(), self.told(examination))

    def number(self, examination):
        return 0.3

    def counts(self):
        return ((1, 0),)

    def told(self, examination):
        return {"n": 1}


class Unseeded(Right):
    """It draws from the global random state (arXiv 2406.07358)."""

    def number(self, examination):
        import torch

        return float(torch.rand(()))


class ReadsNames(Right):
    """It goes by the model's name (arXiv 2406.07358)."""

    def number(self, examination):
        return 0.9 if "other" in examination.model.name else 0.1


class InPlace(Right):
    """It changes the model (arXiv 2406.07358)."""

    def number(self, examination):
        import torch

        with torch.no_grad():
            next(examination.model.module.parameters()).add_(1e-3)
        return 0.3


class NoNumber(Right):
    """Its value is none (arXiv 2406.07358)."""

    def number(self, examination):
        return float("nan")


class CountsAnOptionTooMany(Right):
    """It counts options that are not there (arXiv 2406.07358)."""

    def counts(self):
        return ((1, 0, 0, 0, 0),)


class NoJson(Right):
    """Its details cannot be kept (arXiv 2406.07358)."""

    def told(self, examination):
        return {"model": examination.model}
