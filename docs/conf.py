"""How the documentation is built: `nox -s docs`."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import pages  # noqa: E402  # beside this file

import steerstack  # noqa: E402

# What examples keep stays in the build folder; the converted model is the user's own.
os.environ.setdefault("STEERSTACK_HOME", str(HERE / "_build" / "home"))
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

project = "steerstack"
author = "The steerstack authors"
project_copyright = "The steerstack authors, Apache-2.0"
version = release = steerstack.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "pages",
    "cross_references",
]
exclude_patterns = ["_build", "evidence/results", "gallery/sg_execution_times.rst", "sg_execution_times.rst"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = "steerstack"
html_static_path = ["_static"]
html_css_files = ["steerstack.css"]
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\d_.*\.py$",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib",),
    "capture_repr": (),
    "matplotlib_animations": False,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "min_reported_time": 1e9,
    "abort_on_example_error": False,
}

pages.write(HERE)
