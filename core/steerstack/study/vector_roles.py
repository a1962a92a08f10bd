"""How studies of techniques call the vectors that they keep, and by which their effects find them again."""


def trained_on(technique: str, domain: str) -> str:
    """The vector of a technique fitted in one domain (``generalize``)."""
    return f"{technique} trained on {domain}"


def with_items(technique: str, n: int, noise: float) -> str:
    """The vector of a technique fitted on n items by the first seed (``efficiency``)."""
    return f"{technique} n={n} seed 0" + (f" {noise:.0%} flipped" if noise else "")


def labelled(technique: str, labeller: str, share: float) -> str:
    """The vector of a technique fitted by the first seed on someone's labels (``label-errors``)."""
    return f"{technique} labelled by {labeller} {share:.0%} wrong" if share else technique


def held(technique: str) -> str:
    """The vector of a technique that is held at one KL after another (``frontier``)."""
    return f"{technique} held at a KL"


def refitted_on(finetune: str) -> str:
    """The vector found again on a fine-tune (``stack``)."""
    return f"refitted on {finetune}"


def of_origin(origin: str, finetune: str) -> str:
    """The role of the vector of an arm: empty, which is the run's main one, unless it was refitted."""
    return refitted_on(finetune) if origin == "refitted" else ""
