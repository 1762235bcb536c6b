"""The frame of every page: one style sheet, no outside asset, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5c6b7a; --paper: #f6f7f9; --card: #fff; --line: #dde3e9;
  --accent: #0b6bcb; --good: #1a7f4b; --warn: #a15c00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #93a1b0; --paper: #12171d; --card: #1a2129;
  --line: #2c3641; --accent: #6cb2ff; --good: #5fce97; --warn: #f0b35a; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header { background: var(--card); border-bottom: 1px solid var(--line); padding: .75rem 1rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; align-items: baseline; }
header a { color: var(--ink); font-weight: 650; text-decoration: none; padding: .25rem 0; }
header nav { display: flex; gap: 1.1rem; } header nav a { font-weight: 450; color: var(--accent); }
main { max-width: 62rem; margin: 0 auto; padding: 1.25rem 1rem 4rem; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: .4rem 0 .3rem; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; }
a { color: var(--accent); }
p, .soft { color: var(--soft); } p b { color: var(--ink); }
.card, table { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.card { padding: .9rem 1rem; margin: .6rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .5rem .75rem; border-top: 1px solid var(--line); vertical-align: top; }
tr:first-child th { border-top: 0; color: var(--soft); font-weight: 550; }
td.date { white-space: nowrap; } pre { overflow-x: auto; max-width: 70vw; font-size: .8rem; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 600; }
.state { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; border: 1px solid currentColor;
  font-size: .82rem; white-space: nowrap; color: var(--accent); }
.state.sbc-2, .state.done { color: var(--good); } .state.draft, .state.waiting { color: var(--soft); }
.state.rev, .state.sbc-1 { color: var(--warn); } .state.void, .state.failed { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
.people { display: grid; gap: .6rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); margin-top: 1rem; }
button, .person { font: inherit; text-align: left; padding: .7rem .9rem; border-radius: .6rem; cursor: pointer;
  border: 1px solid var(--line); background: var(--card); color: var(--ink); text-decoration: none; display: block; }
button:hover, button:focus-visible, .person:hover { border-color: var(--accent); outline: 2px solid var(--accent); }
.person b, .person span { display: block; } .person span { color: var(--soft); font-size: .88rem; }
.person.chosen { border-color: var(--accent); } .quiet { color: var(--soft); background: none; text-align: center; }
.row { display: flex; flex-wrap: wrap; gap: .6rem .8rem; align-items: end; margin: .6rem 0; }
.row > * { min-width: 0; max-width: 100%; }
label { color: var(--soft); font-size: .88rem; display: grid; grid-template-columns: minmax(0, 1fr); gap: .2rem; }
input, select { font: inherit; font-size: 1rem; padding: .4rem .5rem; border: 1px solid var(--line); max-width: 100%;
  border-radius: .4rem; background: var(--paper); color: var(--ink); }
button.small { padding: .45rem .8rem; text-align: center; } .note { color: var(--warn); font-size: .85rem; }
.request { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .45rem .8rem;
  margin: .35rem 0; } .request details { margin: .35rem 0; } .request pre { max-width: 100%; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: .35rem; } .actions code { border: 1px solid var(--line);
  border-radius: .3rem; padding: .05rem .4rem; }
@media (max-width: 40rem) {
  /* A row becomes a card: nothing is to be found by scrolling sideways. */
  table, tbody, tr, td { display: block; } tr:first-child { display: none; }
  tr { border-top: 1px solid var(--line); padding: .5rem 0; } tr:nth-child(2) { border-top: 0; }
  td { display: grid; grid-template-columns: 7rem minmax(0, 1fr); gap: .2rem .8rem; border: 0; padding: .2rem .9rem;
    overflow-wrap: anywhere; }
  td::before { content: attr(data-label); color: var(--soft); } td > * { justify-self: start; grid-column: 2; }
  dl { grid-template-columns: minmax(0, 8rem) minmax(0, 1fr); } pre { max-width: 55vw; }
}
"""


def page(title: str, body: str) -> str:
    """A whole document; `body` is HTML already, `title` is text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - submittal sandbox</title><style>{_STYLE}</style></head>"
        '<body><header><a href="/">Submittal sandbox</a><nav><a href="/">Projects</a><a href="/requests">Requests</a>'
        '<a href="/controls">Controls</a></nav></header>'
        f"<main>{body}</main></body></html>"
    )


def table(headings: list[str], rows: list[list[str]]) -> str:
    """A table of cells that are HTML already; headings are text."""
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    lines = "".join(f"<tr>{''.join(map(_labelled, row, headings))}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{lines}</table></div>'


def _labelled(cell_html: str, heading: str) -> str:
    """A cell that knows its heading, which a narrow screen shows beside it."""
    return cell_html.replace("<td", f'<td data-label="{escape(heading)}"', 1)


def cell(html: str) -> str:
    """A cell of a table."""
    return f"<td>{html}</td>"


def select(name: str, options: Mapping[str, str], chosen: str, *, spoken: str = "") -> str:
    """A choice; `options` maps a value to what is read. `spoken` names one that stands in no label."""
    inside = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options.items()
    )
    aria = f' aria-label="{escape(spoken)}"' if spoken else ""
    return f'<select name="{escape(name)}"{aria}>{inside}</select>'


def hidden_field(name: str, value: str) -> str:
    """A field of a form that nobody sees."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
