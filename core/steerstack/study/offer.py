"""The studies that come with steerstack, offered like a stranger's."""

from collections.abc import Sequence

from steerstack.catalog.hookspecs import hookimpl
from steerstack.study.study import Study


@hookimpl
def steerstack_studies() -> Sequence[type[Study]]:
    """Sweep, stack, efficiency, generalize, label-errors, gates, frontier, online-rl, prevention, read-out."""
    from steerstack.study.efficiency.study import Efficiency
    from steerstack.study.frontier.study import Frontier
    from steerstack.study.gates.study import Gates
    from steerstack.study.generalize.study import Generalize
    from steerstack.study.label_errors.study import LabelErrors
    from steerstack.study.online_rl.study import OnlineRL
    from steerstack.study.prevention.study import Prevention
    from steerstack.study.read_out.study import ReadOut
    from steerstack.study.stack.study import Stack
    from steerstack.study.sweep.study import Sweep

    return [Sweep, Stack, Efficiency, Generalize, LabelErrors, Gates, Frontier, OnlineRL, Prevention, ReadOut]
