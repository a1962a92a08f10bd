"""How studies of techniques call the vectors that they keep, and by which their effects find them again."""

NULL = "null: "
"""How the names of null techniques begin."""


def trained_on(technique: str, domain: str) -> str:
    """The vector of a technique fitted in one domain (``generalize``)."""
    return f"{technique} trained on {domain}"


def with_items(technique: str, n: int, noise: float) -> str:
    """The vector of a technique fitted on n items by the first seed (``efficiency``)."""
    return f"{technique} n={n} seed 0" + (f" {noise:.0%} flipped" if noise else "")


def held(technique: str) -> str:
    """The vector of a technique that is held at one KL after another (``frontier``)."""
    return f"{technique} held at a KL"


def refitted_on(finetune: str, origin: str = "refitted") -> str:
    """The vector found again on a fine-tune (``stack``); of any other origin it is the run's main one."""
    return f"refitted on {finetune}" if origin == "refitted" else ""
