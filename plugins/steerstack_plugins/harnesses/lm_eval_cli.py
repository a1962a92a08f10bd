"""``steerstack lm-eval ...``: the command line of lm-evaluation-harness, with our model in its registry.

lm-eval 0.4.13 looks for models only in a registry that is filled when a module is imported: there is no entry
point by which ``lm_eval --model steerstack`` alone could find one. This command imports the module, then hands
every argument on to lm-eval::

    steerstack lm-eval --model steerstack --model_args pretrained=FOLDER,plan=plan.yaml --tasks truthfulqa_mc1
"""

import sys

import typer

from steerstack_plugins.harnesses import require

app = typer.Typer(add_completion=False)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    short_help="Run lm-evaluation-harness with steered models (--model steerstack).",
)
def lm_eval(context: typer.Context) -> None:
    """Hand all arguments on to lm-evaluation-harness.

    Raises
    ------
    PluginError
        It is not installed.
    """
    require("lm_eval", "lmeval")
    from lm_eval.__main__ import cli_evaluate

    import steerstack_plugins.harnesses.lm_eval_model  # noqa: F401  # fills lm-eval's registry

    before, sys.argv = sys.argv, ["lm-eval", *context.args]  # lm-eval reads its arguments nowhere else
    try:
        cli_evaluate()
    finally:
        sys.argv = before
