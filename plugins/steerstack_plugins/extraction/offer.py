"""The edits and extraction methods that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Edit, Extractor
from steerstack_plugins.extraction.actadd import ActAdd, AlignedAdd
from steerstack_plugins.extraction.bipo import BiPO
from steerstack_plugins.extraction.iti import ITI
from steerstack_plugins.extraction.lat import LAT
from steerstack_plugins.extraction.lda import LDA
from steerstack_plugins.extraction.leace import LEACE, LeaceEdit
from steerstack_plugins.extraction.logistic import Logistic
from steerstack_plugins.extraction.mean_difference import MeanDifference
from steerstack_plugins.extraction.means.multi_layer import MultiLayerDifference
from steerstack_plugins.extraction.means.robust_difference import RobustDifference
from steerstack_plugins.extraction.melbo import Melbo
from steerstack_plugins.extraction.pca import PCA
from steerstack_plugins.extraction.persona import PersonaVector
from steerstack_plugins.extraction.random_direction import RandomDirection
from steerstack_plugins.extraction.reft_r1 import ReftR1
from steerstack_plugins.extraction.sae import SaeFeature
from steerstack_plugins.extraction.shuffled_labels import ShuffledLabels
from steerstack_plugins.extraction.supervised import Supervised
from steerstack_plugins.extraction.trained.prompt_only import PromptEnds, PromptOnly
from steerstack_plugins.extraction.trained.reps import RePS


@hookimpl
def steerstack_extractors() -> Sequence[type[Extractor]]:
    """Each of them."""
    return [
        ActAdd,
        BiPO,
        ITI,
        LAT,
        LDA,
        LEACE,
        Logistic,
        MeanDifference,
        Melbo,
        MultiLayerDifference,
        PCA,
        PersonaVector,
        PromptOnly,
        RandomDirection,
        RePS,
        ReftR1,
        RobustDifference,
        SaeFeature,
        ShuffledLabels,
        Supervised,
    ]


@hookimpl
def steerstack_edits() -> Sequence[type[Edit]]:
    """Each of them."""
    return [AlignedAdd, LeaceEdit, PromptEnds]
