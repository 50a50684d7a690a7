"""Settings of the documentation site; `make docs` builds it into build/docs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Trunkline"
author = "The Trunkline authors"
html_title = "Trunkline"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}

# `pages` makes the pages about commands, fields of a specification and examples from what they are about.
extensions = ["myst_parser", "pages"]
exclude_patterns = ["_ext", "_static"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# `make check` takes a warning for an error: a link to nowhere, a page that no table of contents names.
nitpicky = True
