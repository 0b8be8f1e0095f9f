"""Foreign text in Markdown."""

from __future__ import annotations

# Characters that would be read as Markdown or HTML, or end a cell of a table.
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~&"} | {"\n": " ", "\r": " "})


# Of these, what would lead somewhere or run; a line that may be shown as it stands stays legible.
_LEADING = str.maketrans({c: f"\\{c}" for c in "`[]<"} | {"\n": " ", "\r": " "})


def harmless(text: object) -> str:
    """Give a line without links, pictures and HTML, whether it is shown as Markdown or not."""
    return str(text).translate(_LEADING)


def plain(text: object) -> str:
    """Give a text that is shown as it is."""
    return str(text).translate(_SPECIAL)
