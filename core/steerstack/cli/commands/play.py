"""``steerstack play``: a local page with sliders, a vector's answers and its items."""

from dataclasses import replace

import typer

from steerstack.cli import assignments, console, options
from steerstack.cli.ctrl_c import through
from steerstack.cli.plan_options import VectorOptions


@options.spread
def play(
    *,
    vector: VectorOptions,
    scale: float | None = typer.Option(
        None, help="Strength from which the slider begins; a tenth of the activations' norm by default."
    ),
    model: options.ModelOptions,
    data: str | None = typer.Option(
        None, help="Data file, or the name of a shipped behaviour; the vector's own behaviour where that is shipped."
    ),
    which: options.DataOptions,
    items: int = typer.Option(8, min=2, max=100, help="Validation items whose log-odds are shown."),
    score: str = typer.Option("text", help="How they are scored: letter, yes-no or text."),
    system: str | None = typer.Option(None, help="System prompt."),
    max_new_tokens: int = typer.Option(64, min=1, help="Bound on an answer's length, in tokens."),
    temperature: float = typer.Option(0.0, min=0, help="0 takes the most likely token."),
    top_p: float = typer.Option(1.0, help="Nucleus from which is drawn, where the temperature is above 0."),
    seed: int = typer.Option(0, help="Seed of the draws."),
    port: int = typer.Option(0, min=0, max=65535, help="Port of this machine; any free one by default."),
    browser: bool = typer.Option(True, "--browser/--no-browser", help="Open the page in a browser."),
) -> None:
    """Play with a vector on a local page: sliders, both answers beside each other, and the behaviour's items.

    The layer's slider begins at --layer, or in the middle of those that the vector has. Only this machine reaches the
    page, and only with the token in the address that is printed. Ctrl-C ends it.
    """
    from steerstack.serving.packages import PAGE, check_packages

    check_packages(PAGE)
    import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear

    console.quiet()
    from steerstack.catalog.data import behaviors
    from steerstack.cli.open_browser import browsed
    from steerstack.data.questions import check_mode
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.engine.decode.speak import checked
    from steerstack.errors import ParameterError
    from steerstack.exchange.load_vector import load_vector
    from steerstack.measure.form_choice import settle_form
    from steerstack.serving.play.draft import place
    from steerstack.serving.play.items import BehaviorItems
    from steerstack.serving.play.listen import listen
    from steerstack.serving.play.playground import Playground, Scene
    from steerstack.serving.play.strength import first_scale

    sampling = checked(Sampling(max_new_tokens, temperature, top_p, seed))
    mode = check_mode(score)
    edited = vector.edited  # what cannot be made is refused before the model is loaded
    if vector.vector is None:
        raise ParameterError("There is no vector to play with.", fix="Add --vector FILE.")
    loaded = load_vector(vector.vector)
    if vector.layer is None:
        vector = replace(vector, layer=str(loaded.layers[len(loaded.layers) // 2]))
    if data is None and loaded.origin.behavior in behaviors():
        data = loaded.origin.behavior
    shown = BehaviorItems.of(which.items(data), mode, items) if data is not None else None
    opened = model.opened()
    if shown is not None:
        opened = settle_form(opened, shown.data, mode)
    claim = vector.claim(opened, scale or 0.0, system)
    if len(claim.layers) > 1:
        raise ParameterError("The page has a slider for one layer.", seen=vector.layer or "", fix="Give --layer L.")
    if scale is None:
        claim = replace(claim, scale=1.0 if edited else first_scale(opened, loaded, claim.layers[0]))
    opened.check_plan(claim.plan())  # what does not fit is said now
    common = {
        **vars(which), "data": data and place(data), "model": place(model.model), "revision": model.revision,
        "dtype": model.dtype, "device": model.device, "template": assignments.values(model.template), "score": mode,
        "tokens": vector.tokens,
    }  # fmt: skip
    scene = Scene(claim, sampling, place(str(vector.vector)), common, shown, vector.transfer)
    with browsed(browser) as show:

        def ready(address: str) -> None:
            console.console.say(f"· open {address}")
            console.console.say("· only this machine reaches it; Ctrl-C ends it")
            show(address)

        listen(Playground(opened, scene), port, ready)
    through()  # Ctrl-C is how it ends well
