"""Where files are, as patterns say it: ``{user}/{session}.csv``, ``**/*.csv``."""

from __future__ import annotations

import re

_PART = re.compile(r"\{(\w+)\}|(\*\*/|\*)|([^{}*]+)")
_PLACEHOLDER = re.compile(r"\{[^\W\d_]\w*\}")


def is_pattern(text: str) -> bool:
    """Whether every brace of ``text`` is one of a placeholder that can be."""
    rest = _PLACEHOLDER.sub("", text)
    return "{" not in rest and "}" not in rest


def placeholders(pattern: str) -> list[str]:
    """The names in ``{}`` and the stars of a pattern, but for the user's."""
    stars = [f"_star{i}" for i in range(pattern.replace("**/", "*").count("*"))]
    return [n for n in dict.fromkeys(re.findall(r"\{(\w+)\}", pattern)) if n != "user"] + stars


def as_regex(pattern: str) -> re.Pattern[str]:
    """What matches the path of a file within the folder: ``{name}`` and ``*`` stand for a part of a
    name, the same where it comes again; ``**/`` for any folders."""
    out, seen, stars = "", set[str](), 0
    for name, star, text in _PART.findall(pattern):
        if name:
            out += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+?)"
            seen.add(name)
        elif star == "**/":
            out += f"(?P<_star{stars}>(?:[^/]+/)*)"
            stars += 1
        elif star:
            out += f"(?P<_star{stars}>[^/]*?)"
            stars += 1
        else:
            out += re.escape(text)
    return re.compile(out, re.IGNORECASE)
