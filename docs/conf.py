"""How Sphinx builds these pages: ``sphinx-build -W --keep-going -b html docs docs/_build/html``.

No network is needed. ``SKLEARN_ASN_INTERSPHINX=1`` turns on links to other projects' pages, which
needs one. ``HAPT_ZIP`` says where the HAPT archive is; without it (and without one beside the
clone) the example that needs it is shown, not run. So is the one on video without PyAV and OpenCV.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
here = Path(__file__).parent
sys.path.insert(0, str(here / "_ext"))

import gallery  # noqa: E402
import torch  # noqa: E402
from groups import add_groups  # noqa: E402
from sources import module_of  # noqa: E402
from stages import add_stages  # noqa: E402

import sklearn_asn  # noqa: E402

torch.set_num_threads(1)  # the examples are small: threads would only wait for each other

project = "sklearn_asn"
author = "The sklearn_asn developers"
copyright = "The sklearn_asn developers"
version = release = sklearn_asn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
if os.environ.get("SKLEARN_ASN_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
    }

templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "_templates", "Thumbs.db", ".DS_Store"]
default_role = "py:obj"  # `name` in a docstring is a link where the name is known
highlight_language = "python3"
nitpicky = False

# ---------------------------------------------------------------- pages

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_asn {release}"
viewcode_follow_imported_members = True  # to where a name is written: _ext/sources.py
copybutton_prompt_text = r">>> |\.\.\. |\$ "  # not part of what is copied
copybutton_prompt_is_regexp = True
html_static_path = ["_static"]
html_css_files = ["sklearn_asn.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 8,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "logo": {"text": f"sklearn_asn {release}"},
    # tables of results are as wide as the page: nothing beside them
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{page: [] for page in ("index", "results", "results_hapt", "reproducing", "comparison")},
    },
}
# pages without a section of their own have nothing to show on the left
html_sidebars = {page: [] for page in ("index", "start")}
html_sidebars |= {page: [] for page in ("results", "results_hapt", "reproducing", "comparison")}

# ---------------------------------------------------------------- reference

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say the types
numpydoc_show_class_members = False  # the template lists them
numpydoc_class_members_toctree = False
numpydoc_validation_checks: set[str] = set()  # tests/test_docs.py validates, without a build

# ---------------------------------------------------------------- gallery

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": gallery.filename_pattern(),
    "reset_argv": "gallery.arguments",
    "within_subsection_order": "gallery.order",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_asn",),
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "plot_gallery": True,
    "parallel": True,  # as many as -j says
    "matplotlib_animations": False,
    "min_reported_time": 1,
}


def escape_types(app, what, name, obj, options, lines):
    """Escape what reStructuredText would read as markup in the types of parameters."""
    for i, line in enumerate(lines):
        line = line.replace("(n_features_in_,)", "(n_features,)")  # else a link: name_
        lines[i] = line.replace('default="*.', r'default="\*.')


def setup(app):
    """Run before numpydoc reads a docstring."""
    app.connect("viewcode-follow-imported", module_of)
    app.connect("autodoc-process-docstring", add_groups, priority=40)
    app.connect("autodoc-process-docstring", add_stages, priority=50)
    app.connect("autodoc-process-docstring", escape_types, priority=100)


# what examples use may say that something of theirs changes; that is for the tests to judge
warnings.filterwarnings("ignore", category=DeprecationWarning)
