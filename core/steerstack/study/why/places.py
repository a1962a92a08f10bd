"""Does the vector fit, and does its edit touch anything? Nothing is run to see."""

from steerstack.engine.layout.edited_nodes import count_edited
from steerstack.errors import DataError, ModelError, SiteError, SteerstackError
from steerstack.steering.origin import UNKNOWN
from steerstack.study.why.case import Case
from steerstack.study.why.look import Look


def fit(case: Case) -> Look:
    """Whether the vector belongs to the model."""
    vector, model, what = case.use.vector, case.model, "fit"
    try:
        model.check_vector(vector, transfer=True)
    except ModelError as error:
        return _refused(what, error, "another model")
    try:
        model.check_vector(vector, transfer=case.transfer)
    except ModelError as error:
        return _refused(what, error, "other weights")
    made_on = vector.origin.model_fingerprint
    if made_on == UNKNOWN:
        return Look(what, "The vector fits; it does not say from which weights it was made.")
    origin = "from these weights" if made_on == model.fingerprint else "from other weights, which was asked for"
    return Look(what, f"The vector was made {origin}.")


def layer(case: Case) -> Look:
    """Whether the vector and the model have the layers, and the dtype bears the strength."""
    use = case.use
    try:
        for one in use.layers:
            case.model.check_site(use.vector.site(one))
        plan = use.plan()
    except SiteError as error:
        return _refused("layer", error, "no such layer")
    try:
        case.model.check_plan(plan)
    except ModelError as error:
        return _refused("layer", error, "too strong")
    return Look("layer", f"Layer {', '.join(map(str, use.layers))} is there.")


def scale(case: Case) -> Look:
    """Whether there is an edit at all."""
    if case.use.scale == 0:
        return Look("scale", "The scale is 0.", "scale 0", "Give a scale, such as 1.")
    return Look("scale", f"The scale is {case.use.scale:g}.")


def template(case: Case) -> Look:
    """Whether the items can be asked: everything given is found in what the template writes."""
    what, described = "template", case.model.format.describe
    try:
        count = len(case.questions)
        description = described()
    except ModelError as error:
        return _refused(what, error, "template")
    except DataError as error:
        return _refused(what, error, "labels")
    folded = f"; the system prompt stands {description['system']}" if "system" in description and case.system else ""
    plain = "" if description["chat"] else ", in a plain form, since the tokenizer has no chat template"
    return Look(what, f"{count} questions are written as they were given{plain}{folded}.")


def reasoning(case: Case) -> Look:
    """Whether the edit is meant for a reasoning block that is closed before anything is scored."""
    what, format = "reasoning block", case.model.format
    if not format.reasons:
        return Look(what, "The template opens none.")
    if format.manner.reasoning == "closed" and case.use.tokens.region == "think":
        return Look(
            what,
            "Answers are scored after an empty block, and only the marks of the block are edited.",
            "reasoning",
            "Let the model reason (--reasoning generated), or edit the response (--tokens response).",
        )
    return Look(what, f"The template opens one; it is {format.manner.reasoning}.")


def positions(case: Case) -> Look:
    """Whether any position is edited."""
    what, tokens = "positions", case.use.tokens
    try:
        count = count_edited(case.use.plan(), [question.pair for question in case.questions]).positions
    except SiteError as error:
        return _refused(what, error, "nothing edited")
    if not count:
        return Look(
            what,
            f"--tokens {tokens} selects no position of {len(case.questions)} questions.",
            "nothing edited",
            "Use --tokens response.",
        )
    goes_on = "and every generated token too" if tokens.includes_generated else "and no generated token"
    return Look(what, f"--tokens {tokens} edits {count} positions of {len(case.questions)} questions, {goes_on}.")


def _refused(what: str, error: SteerstackError, cause: str) -> Look:
    evidence = f" ({error.seen})" if error.seen else ""
    return Look(what, f"{error.happened}{evidence}", cause, error.fix)


PLACES = (fit, layer, scale, template, reasoning, positions)
"""In turn; the first cause ends it, since nothing could be measured."""
