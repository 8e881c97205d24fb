"""A plain page that needs nothing else, not even a network: skeleton, style and sections.

Light or dark as the reader's system is, at a desk or on a phone; tables that are wider than the
page scroll, and show it by a shadow at the edge (and on a phone in words).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from fedxr.evaluation.sheets import Sheet

_LIGHT = """--ink: #1d2230; --soft: #565e70; --line: #d5d9e2; --paper: #ffffff; --box: #f3f5f9;
  --mark: #eaf1fb; --link: #0b5cad; --bad: #a3121f; --good: #15693b;
  --shade: rgb(20 30 60 / .25);"""
_DARK = """--ink: #e6e9f2; --soft: #a9b1c3; --line: #3a4152; --paper: #14171f; --box: #1d212c;
  --mark: #1c2c45; --link: #7cb8f5; --bad: #ff8f8f; --good: #74d3a0; --shade: rgb(0 0 0 / .7);"""
_STYLE = """
*, *::before { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 0 auto; padding: 1.2rem 1rem 3rem; overflow-wrap: break-word; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.2; } h1 { margin: .1rem 0 .8rem; font-size: 1.7rem; }
h2 { margin: 2.6rem 0 .8rem; scroll-margin-top: 3.5rem; } h3 { margin: 1.6rem 0 .5rem; }
.date, figcaption, .caption { color: var(--soft); } .date { margin: 0; }
.headline { font-size: 1.15rem; padding: .8rem 1rem; background: var(--mark);
  border-left: 4px solid var(--link); margin: 0 0 .8rem; }
nav { position: sticky; top: 0; z-index: 3; background: var(--paper); margin: 0 -1rem;
  padding: 0 1rem; border-bottom: 1px solid var(--line); overflow-x: auto; white-space: nowrap; }
nav a { display: inline-block; padding: .55rem .9rem .55rem 0; text-decoration: none; }
.wide { overflow-x: auto; max-width: 100%; background:
  linear-gradient(to right, var(--paper) 40%, transparent) 0 0 / 40px 100% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) 100% 0 / 40px 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) 0 0 / 12px 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) 100% 0 / 12px 100% no-repeat scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .3rem .45rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: pre; }
th { vertical-align: bottom; white-space: pre-line; }
th:first-child, td:first-child { text-align: left; white-space: pre-line; }
.many th:first-child, .many td:first-child { position: sticky; left: 0;
  background: var(--paper); }
.strong { font-weight: 600; background: var(--mark); }
.figures { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); align-items: start; }
figure { margin: 0; } figure h3 { margin-top: .3rem; }
figure svg { width: 100%; max-width: 32rem; height: auto; display: block; }
figcaption { font-size: .88rem; max-width: 34rem; }
.failed { color: var(--bad); font-weight: 600; } .held { color: var(--good); }
pre { background: var(--box); padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: .8rem 0; } summary { cursor: pointer; padding: .3rem 0; }
.words th { vertical-align: top; }
.words td { white-space: pre-wrap; text-align: left; overflow-wrap: anywhere; }
@media (max-width: 640px) { .many::before { content: "more columns: scroll sideways →";
  color: var(--soft); font-size: .85rem; position: sticky; left: 0; } h1 { font-size: 1.4rem; }
  body { padding-top: .8rem; } }
@media print { nav { display: none; } }
"""


@dataclass(frozen=True)
class Section:
    """What stands below one heading; left out, with its place in the navigation, where ``body`` is
    empty."""

    title: str
    body: str

    @property
    def anchor(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


def page(
    title: str, started: str, headlines: Sequence[str], top: str, sections: Sequence[Section],
    colours: tuple[str, str] = ("", ""),
) -> str:  # fmt: skip
    """The whole page: the date first, what came out in a sentence, then ``top`` and the sections;
    ``colours`` are the variables of the figures, light and dark."""
    some = [one for one in sections if one.body]
    first, *rest = headlines or [""]
    said = f'<p class="headline">{escape(first)}</p>' if first else ""
    said += "".join(f"<p>{escape(text)}</p>" for text in rest)
    links = "".join(f'<a href="#{one.anchor}">{escape(one.title)}</a>' for one in some)
    body = "".join(
        f'<section><h2 id="{one.anchor}">{escape(one.title)}</h2>{one.body}</section>'
        for one in some
    )
    light, dark = colours
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>:root {{ color-scheme: light dark; {_LIGHT} {light} "
        f"}} @media (prefers-color-scheme: dark) {{ :root {{ {_DARK} {dark} }} }}{_STYLE}</style>"
        f'</head><body><header><p class="date">{escape(dated(started))}</p>'
        f"<h1>{escape(title)}</h1>{said}</header>"
        f'<nav aria-label="Sections">{links}</nav><main>{top}{body}</main></body></html>\n'
    )


def dated(started: str) -> str:
    """``29 November 2026, 22:00 UTC`` of an ISO 8601 time; as it is where it is none."""
    try:
        at = datetime.fromisoformat(started)
    except ValueError:
        return started
    zone = at.tzname() or ""
    return f"{at.day} {at:%B %Y, %H:%M} {zone}".strip()


def paragraphs(lines: Sequence[str]) -> str:
    """A paragraph each, escaped."""
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def folded(summary: str, body: str) -> str:
    """Behind a line that opens it; nothing where there is nothing."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>" if body else ""


def shown(sheet: Sheet | None) -> str:
    """A table below what it is."""
    if sheet is None:
        return ""
    return f'<p class="caption">{escape(sheet.caption)}.</p>{sheet.html()}'


def words(rows: Sequence[tuple[str, str]], label: str) -> str:
    """Two columns of text, which wrap."""
    lines = "".join(
        f'<tr><th scope="row">{escape(a)}</th><td>{escape(b)}</td></tr>' for a, b in rows
    )
    return f'<table class="words" aria-label="{escape(label, quote=True)}">{lines}</table>'
