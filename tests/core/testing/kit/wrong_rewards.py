"""Rewards that each break one promise, and one that breaks none."""

from steerstack.contracts import Reward


class Right(Reward):
    """The longer the better (arXiv 2310.03716)."""

    name = "right"
    paper = "arXiv 2310.03716"

    def values(self, rollouts, data, model):
        import numpy as np

        return np.array([float(len(one.answer)) for one in rollouts])


class TooFew(Right):
    """arXiv 2310.03716, but for the last answer."""

    def values(self, rollouts, data, model):
        return super().values(rollouts, data, model)[: max(1, len(rollouts) - 1)]


class Infinite(Right):
    """arXiv 2310.03716, without bounds."""

    def values(self, rollouts, data, model):
        import numpy as np

        return np.full(len(rollouts), np.inf)


class Silent(Right):
    """arXiv 2310.03716, of nothing."""

    def values(self, rollouts, data, model):
        import numpy as np

        return np.full(len(rollouts), np.nan)


class Relative(Right):
    """arXiv 2310.03716, against the mean of the others."""

    def values(self, rollouts, data, model):
        values = super().values(rollouts, data, model)
        return values - values.mean()


class Moody(Right):
    """arXiv 2310.03716, with a draw of its own."""

    def values(self, rollouts, data, model):
        import numpy as np

        return super().values(rollouts, data, model) + 1e-7 * np.random.default_rng().normal(size=len(rollouts))


class Unexpected(Right):
    """arXiv 2310.03716, with an expectation of something else."""

    def expected(self, logp):
        import numpy as np

        return np.exp(logp)[:, 0]


class NoPaper(Right):
    """The longer the better."""

    paper = ""
