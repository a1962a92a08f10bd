"""The organisms that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Organism
from steerstack_plugins.sandbagging.organisms.always_a import AlwaysA
from steerstack_plugins.sandbagging.organisms.at_chance import AtChance
from steerstack_plugins.sandbagging.organisms.distractor import Distractor
from steerstack_plugins.sandbagging.organisms.eval_aware import EvalAware
from steerstack_plugins.sandbagging.organisms.guesser import Guesser
from steerstack_plugins.sandbagging.organisms.ignorant import Ignorant
from steerstack_plugins.sandbagging.organisms.imitator import Imitator
from steerstack_plugins.sandbagging.organisms.locked import Locked
from steerstack_plugins.sandbagging.organisms.password_locked import PasswordLocked
from steerstack_plugins.sandbagging.organisms.prompted import Prompted
from steerstack_plugins.sandbagging.organisms.rl_resistant import RLResistant
from steerstack_plugins.sandbagging.organisms.unlocked import Unlocked
from steerstack_plugins.sandbagging.organisms.weak import Weak


@hookimpl
def steerstack_organisms() -> Sequence[type[Organism]]:
    """Each of them."""
    return [
        AlwaysA, AtChance, Distractor, EvalAware, Guesser, Ignorant, Imitator, Locked, PasswordLocked, Prompted,
        RLResistant, Unlocked, Weak,
    ]  # fmt: skip
