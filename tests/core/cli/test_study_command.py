"""Commands of studies are made from their fields: nothing is missing, nothing is added, and what is typed is understood."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from steerstack.catalog.manager import plugins
from steerstack.cli import extensions
from steerstack.cli.study_command import OUTPUTS, study_command
from steerstack.errors import ParameterError, SteerstackError
from steerstack.study.efficiency.study import Efficiency
from steerstack.study.generalize.study import Generalize
from steerstack.study.method_ref import MethodRef
from steerstack.study.stack.study import Stack
from steerstack.study.study import Study
from steerstack.study.sweep.study import Sweep
from steerstack.testing.kit.method import HEAVY

STUDIES = plugins().offers("study")


class Declared(Exception):
    """What a command would have run."""

    def __init__(self, study):
        super().__init__(study.name)
        self.study = study


class Told:
    """Makes a study say what was declared, in place of what it will take."""

    def plan_only(self, model=None, *, data=None):
        raise Declared(self)


def options(command):
    """Options of a command, each by its longest name."""
    return {max(one.opts, key=len).lstrip("-") for one in command.params if one.name != "help"}


def declared(cls, *words):
    """The study that the command of a class declares for these words."""
    subclass = type(cls.__name__, (Told, cls), {"__module__": __name__, "name": cls.name})
    app = typer.Typer()
    app.command()(study_command(subclass))
    result = CliRunner().invoke(app, [*words, "--plan-only"])
    if isinstance(result.exception, Declared):
        return result.exception.study
    raise result.exception if isinstance(result.exception, SteerstackError) else AssertionError(result.output)


def test_the_studies_are_installed():
    assert set(STUDIES) >= {"sweep", "stack", "efficiency", "generalize", "frontier"}


@pytest.mark.parametrize("name", STUDIES)
def test_every_field_is_an_option_and_every_option_a_field(name):
    names = options(extensions.find(name))
    fields = {field.replace("_", "-") for field in STUDIES[name].model_fields}
    outputs = {output.replace("_", "-") for output in OUTPUTS}
    methods = {
        "set" if field == "method" else f"{field.replace('_', '-')}-set"
        for field, of in STUDIES[name].model_fields.items()
        if "MethodRef" in str(of.annotation) and "tuple" not in str(of.annotation)
    }
    assert fields <= names
    assert names == fields | outputs | methods | {"plain-http"}  # where a key may go is no part of a study
    assert not fields & (outputs | methods)


@pytest.mark.parametrize("name", STUDIES)
def test_every_option_is_explained_and_only_what_has_no_default_must_be_given(name):
    params = [one for one in extensions.find(name).params if one.name != "help"]
    assert all(one.help for one in params)
    required = {field for field, of in STUDIES[name].model_fields.items() if of.is_required()}
    assert {one.name for one in params if one.required} == required


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_shown_as_a_default_is_the_default(name):
    """The words that help shows, typed, declare the same study as nothing does."""
    cls, needed = STUDIES[name], {"data": "kindness", "layers": "1,2", "techniques": "pca,lda"}
    command = extensions.find(name)
    words = [f"--{field}={needed[field]}" for field, of in cls.model_fields.items() if of.is_required()]
    shown = [
        f"--{one.name.replace('_', '-')}={one.default}"
        for one in command.params
        if one.name in cls.model_fields and not one.required and not one.is_flag and one.default is not None
    ]
    assert shown
    assert declared(cls, *words, *shown).to_json() == declared(cls, *words).to_json()


def test_tuples_are_read_with_commas():
    study = declared(Sweep, "--data", "kindness", "--layers", "1, 2,3", "--scales=-1,0.5")
    assert (study.layers, study.scales) == ((1, 2, 3), (-1.0, 0.5))
    study = declared(Efficiency, "--data", "kindness", "--techniques", "mean-difference, lora-sft", "--sizes", "4")
    assert [one.name for one in study.techniques] == ["mean-difference", "lora-sft"]
    assert study.sizes == (4,)


def test_none_is_nothing():
    study = declared(Stack, "--data", "kindness", "--finetunes", "none", "--few-shot", "none", "--position", "none")
    assert (study.finetunes, study.few_shot) == ((), None)
    assert declared(Stack, "--data", "kindness").few_shot == MethodRef(name="few-shot")
    for word, meant in (("false", None), ("False", None), ("true", MethodRef(name="few-shot"))):
        assert declared(Stack, "--data", "kindness", "--few-shot", word).few_shot == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("margin", {"margin": True}),
        ("topic=a,b", {"topic": ("a", "b")}),
        ("above=3", {"above": 3.0}),
        ("system=Be brief, a=b.", {"system": "Be brief, a=b."}),
        ("{user: 'Well, then:'}", {"user": "Well, then:"}),
    ],
)
def test_a_part_of_a_study_is_named_with_its_value(typed, meant):
    study = declared(Generalize, "--data", "kindness", "--techniques", "pca", "--shift", typed)
    assert study.shift.model_dump(exclude_defaults=True) == meant


def test_yaml_says_what_words_cannot():
    techniques = "[mean-difference, {name: lora-sft, epochs: 2}]"
    study = declared(Efficiency, "--data", "kindness", "--techniques", techniques)
    assert [(one.name, one.parameters) for one in study.techniques] == [
        ("mean-difference", {}),
        ("lora-sft", {"epochs": 2}),
    ]
    with pytest.raises(ParameterError, match="--techniques cannot be read"):
        declared(Efficiency, "--data", "kindness", "--techniques", "[pca, {")


def test_parameters_of_a_method_are_set_beside_it():
    study = declared(Sweep, "--data", "kindness", "--layers", "1", "--set", "keep-norm=yes", "--set", "rank=4")
    assert study.method == MethodRef(name="mean-difference", keep_norm="yes", rank="4")
    study = declared(
        Sweep, "--data", "kindness", "--layers", "1", "--method", "pca", "--set", "layers=[1,2]", "--edit", "clamp",
        "--edit-set", "value=2",
    )  # fmt: skip
    assert study.method == MethodRef(name="pca", layers=[1, 2])
    assert study.edit == MethodRef(name="clamp", value="2")
    with pytest.raises(ParameterError, match="There is no edit whose parameters could be set"):
        declared(Sweep, "--data", "kindness", "--layers", "1", "--edit-set", "value=2")


class Doses(Study):
    """A stranger's study."""

    name = "doses"

    doses: tuple[float, ...] = Field(default=(0.5, 1.0), description="Multipliers of the vector.")
    halve: bool = Field(default=False, description="Halve them.")
    double: bool = Field(default=True, description="Double them.")
    most: int | None = Field(default=None, description="At most so many.")
    method: MethodRef | None = Field(default=None, description="Extractor.")
    other_method: MethodRef | None = Field(default=None, description="Another one.")


def test_a_strangers_fields_are_options_too():
    assert declared(Doses, "--data", "k").doses == declared(Doses, "--data", "k", "--doses", "0.5,1").doses
    study = declared(Doses, "--data", "k", "--halve", "--no-double", "--most", "3", "--other-method", "pca",
                     "--other-method-set", "rank=2")  # fmt: skip
    assert (study.halve, study.double, study.most) == (True, False, 3)
    assert study.other_method == MethodRef(name="pca", rank="2")
    with pytest.raises(SteerstackError, match="doses"):
        declared(Doses, "--data", "k", "--doses", "much")


FILE = """
import atexit, sys
heavy = sys.argv[1].split(",")
del sys.argv[1]
atexit.register(lambda: print("heavy:", *[name for name in heavy if name in sys.modules]))
from steerstack.cli import main
main()
"""


def told_by_run(file, names: Sequence[str] = HEAVY):
    """What ``steerstack run`` says of a file, and which heavy packages it imported for that."""
    command = [sys.executable, "-c", FILE, ",".join(names), "run", str(file)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 1, process.stderr
    return " ".join(process.stderr.split()), process.stdout.partition("heavy:")[2].split()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: myopia\nlayers: [1]\n", "does not say which kind of study it is. seen: keys data, layers"),
        ("study: swep\ndata: myopia\n", "did you mean 'sweep'"),
        ("study: sweep\ndata: myopia\n", "'layers'"),
    ],
)
def test_a_wrong_file_is_told_of_before_anything_heavy_is_imported(tmp_path, text, message):
    file = tmp_path / "study.yaml"
    file.write_text(text)
    output, heavy = told_by_run(file)
    assert message in output
    assert "Traceback" not in output
    assert not heavy
