"""A plugin module that imports torch at the top."""

import torch
from tests.core.testing.kit.wrong_extractors import Right


class Heavy(Right):
    """Mean difference, arXiv 2312.06681, in a module that is slow to import."""

    def combine(self, batches):
        return torch.stack([(b.positive - b.negative).sum(0) for b in batches]).sum(0) / sum(
            len(b.positive) for b in batches
        )
