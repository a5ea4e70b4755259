"""The documentation as a site: `python -m sphinx -W docs build/docs`."""

from datetime import date

project = "Speedup Lab"
author = project
copyright = f"{date.today().year}, {project}"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = project
html_static_path: list[str] = []
html_copy_source = False

# Docstrings are plain text with names in backticks.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
