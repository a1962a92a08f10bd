"""Labellers that each break one promise, and one that breaks none."""

from steerstack.contracts import Labeller


class Right(Labeller):
    """The later in the alphabet, the readier (arXiv 2603.03206)."""

    name = "right"
    paper = "arXiv 2603.03206"

    def readiness(self, data, model):
        import numpy as np

        return np.array([float(item.id[-1]) for item in data])


class TooFew(Right):
    """arXiv 2603.03206, but for the last item."""

    def readiness(self, data, model):
        return super().readiness(data, model)[:-1]


class NotANumber(Right):
    """arXiv 2603.03206, not known of the first item."""

    def readiness(self, data, model):
        import numpy as np

        return np.where(super().readiness(data, model) == 0, np.nan, 1.0)


class NeverWrong(Right):
    """arXiv 2603.03206, without an error."""

    def readiness(self, data, model):
        import numpy as np

        return np.full(len(data), -np.inf)


class ByPlace(Right):
    """arXiv 2603.03206, by the place in the file."""

    def readiness(self, data, model):
        import numpy as np

        return np.arange(float(len(data)))


class Moody(Right):
    """arXiv 2603.03206, by a draw of its own."""

    def readiness(self, data, model):
        import numpy as np

        return super().readiness(data, model) + 1e-7 * np.random.default_rng().normal(size=len(data))


class NoPaper(Right):
    """The later in the alphabet, the readier."""

    paper = ""
