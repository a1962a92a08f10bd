"""The base of all contracts: checks with names, and exemptions with reasons."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar, cast

import pytest

from steerstack.errors import nearest

F = TypeVar("F", bound=Callable[..., None])
Made = TypeVar("Made")


def require(condition: bool, happened: str, *, seen: object = "", fix: str = "") -> None:
    """Fail the check, saying what happened, what was seen and what to do."""
    if not condition:
        lines = [happened, f"  seen: {seen}" if str(seen) else "", f"  do:   {fix}" if fix else ""]
        raise AssertionError("\n".join(line for line in lines if line))


def check(function: F) -> F:
    """Mark a test of a contract as a check that a plugin may be exempt from, for a reason."""
    name = function.__name__.removeprefix("test_")

    @functools.wraps(function)
    def run(self: Contract, *args: Any, **kwargs: Any) -> None:
        reason = self.exempt.get(name, "").strip()
        if reason:
            self.record("exempt", f"{name}: {reason}")
        else:
            function(self, *args, **kwargs)

    run.contract_check = name  # type: ignore[attr-defined]  # functions have no declared attributes
    return cast("F", run)


class Contract:
    """What a plugin of one kind has to do.

    Attributes
    ----------
    exempt:
        Checks that the method cannot pass, by name (without ``test_``), each with the reason: what the
        paper does instead, say. The check then passes and its reason is recorded as a property of
        the test, for reports. A check cannot be turned off in any other way.
    """

    exempt: ClassVar[Mapping[str, str]] = {}

    def once(self, make: Callable[[], Made]) -> Made:
        """What the first check of the class that asks makes; all others of it get the same."""
        if "_made" not in vars(type(self)):
            type(self)._made = make()  # type: ignore[attr-defined]  # of the class, so that its checks share it
        return cast("Made", vars(type(self))["_made"])

    @pytest.fixture(autouse=True)
    def _keep_recorder(self, record_property: Callable[[str, object], None]) -> None:
        self.record: Callable[[str, object], None] = record_property

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        """Tiny models run many times slower on several threads that wait for each other."""
        torch = sys.modules.get("torch")
        before = torch.get_num_threads() if torch else 0
        if torch:
            torch.set_num_threads(1)
        yield
        if torch:
            torch.set_num_threads(before)

    @classmethod
    def checks(cls) -> dict[str, object]:
        """The contract's checks by name: those that the outermost contract classes define."""
        return {
            method.contract_check: method
            for base in cls.__mro__
            for method in vars(base).values()
            if hasattr(method, "contract_check")
        }

    def test_exemptions_have_reasons(self) -> None:
        """Each exemption is of a check that exists, for a reason, and no check is overridden without one."""
        checks = self.checks()
        for name, reason in self.exempt.items():
            require(name in checks, f"There is no check {name!r} to be exempt from.", fix=nearest(name, checks))
            require(bool(reason.strip()), f"The exemption from {name!r} gives no reason.", fix="Say why.")
        for name, original in checks.items():
            own = getattr(type(self), f"test_{name}", None)
            require(
                own is original or name in self.exempt,
                f"The check {name!r} is overridden without a reason.",
                fix=f"Leave it as it is, or add {name!r} to `exempt` with the reason.",
            )
