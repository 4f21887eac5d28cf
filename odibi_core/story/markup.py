"""How a page looks: each of its parts as HTML. Tags stand here and in the drawings, and every text between them goes through `safe`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from odibi_core.story.blocks import Block, Card, Chips, Code, Drawing, Facts, Fold, Grid, Heading, Line, Lines, Section, Table, Tile
from odibi_core.story.model import Story
from odibi_core.story.svg import safe, signs
from odibi_core.story.words import instant

_POLICY = "default-src 'none'; style-src '{style}'; base-uri 'none'; form-action 'none'"


def document(
    story: Story, *, tiles: Sequence[Tile], sections: Sequence[Section], notes: Sequence[str], style: str, style_source: str
) -> str:
    """The whole page. `style_source` is what lets a browser apply `style` and no other style sheet."""
    run, verdict = story.run, story.verdict
    started = instant(run.started_at)
    places = _each("<span>{}</span>", [word for word in (run.project, run.environment, started) if word])
    box = f'<div class="box warn">{_each("<p>{}</p>", notes)}</div>' if notes else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(style=style_source)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{safe(run.pipeline)}: {safe(verdict.title)}, {safe(started)}</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="eyebrow"><b>Data Story</b>{places}</p>
<div class="title"><h1>{safe(run.pipeline)}</h1><span class="badge {verdict.tone}">{signs()[verdict.tone]}{safe(verdict.title)}</span></div>
<div class="verdict {verdict.tone}">
<p class="said">{safe(verdict.sentence)}</p>
{_next(verdict.next_action, verdict.command)}</div>
<dl class="kpis">{"".join(_tile(tile) for tile in tiles)}</dl>
<nav aria-label="Sections"><ul>{"".join(_link(section) for section in sections)}</ul></nav>
</header>
<main>
{box}
{"".join(_section(section) for section in sections)}</main>
<footer><p>This page is self-contained: it runs no script and loads nothing. The same as data: <a href="story.json">story.json</a>. \
In short: <a href="run.md">run.md</a>. Schema {safe(story.schema_id)}.</p></footer>
</body>
</html>
"""


def _each(tag: str, texts: Iterable[str]) -> str:
    return "".join(tag.format(safe(text)) for text in texts)


def _next(action: str, command: str) -> str:
    if not action:
        return ""
    shown = f'<code class="command">{safe(command)}</code>' if command else ""
    return f'<div class="next"><p><b>Next:</b> {safe(action)}</p>{shown}</div>\n'


def _tile(tile: Tile) -> str:
    return f"<div><dt>{safe(tile.label)}</dt><dd>{safe(tile.value)}</dd><dd>{safe(tile.note)}</dd></div>"


def _link(section: Section) -> str:
    return f'<li><a href="#{safe(section.anchor)}">{safe(section.title)}</a></li>'


def _section(section: Section) -> str:
    title = f"{safe(section.anchor)}-title"
    return f"""<section id="{safe(section.anchor)}" aria-labelledby="{title}">
<h2 id="{title}">{safe(section.title)}</h2>
{_blocks(section.blocks)}</section>
"""


def _blocks(blocks: Iterable[Block]) -> str:
    return "".join(f"{_block(block)}\n" for block in blocks)


def _block(block: Block) -> str:
    match block:
        case Lines():
            return f'<div class="{safe(block.css)}">{"".join(f"<p>{_line(parts)}</p>" for parts in block.lines)}</div>'
        case Heading():
            return f"<h3>{safe(block.text)}</h3>"
        case Code():
            return f"<pre>{safe(block.text)}</pre>"
        case Chips():
            return f'<ul class="chips">{"".join(f"<li>{_line(parts)}</li>" for parts in block.lines)}</ul>'
        case Facts():
            rows = "".join(f"<dt>{safe(name)}</dt><dd>{_line(parts)}</dd>" for name, parts in block.rows)
            return f'<dl class="facts">{rows}</dl>'
        case Table():
            return _table(block)
        case Grid():
            return _grid(block)
        case Drawing():
            return f'<div class="scroll">{block.svg}</div>'
        case Fold():
            return f'<details class="fold"{_open(block.open)}><summary>{safe(block.title)}</summary>{_blocks(block.blocks)}</details>'
        case Card():
            return _card(block)
        case _:
            assert_never(block)


def _line(parts: Line) -> str:
    shown = ""
    for part in parts:
        if isinstance(part, str):
            shown += safe(part)
        elif part.anchor:
            shown += f'<a href="#{safe(part.anchor)}">{safe(part.text)}</a>'
        else:
            shown += f'<span class="{safe(part.css)}">{safe(part.text)}</span>'
    return shown


def _table(table: Table) -> str:
    number = ' class="n"'
    heads = "".join(f'<th scope="col"{number if head.css == "n" else ""}>{safe(head.text)}</th>' for head in table.heads)
    styles = [safe(head.css) for head in table.heads]
    rows = ""
    for first, *others in table.rows:
        cells = "".join(f'<td class="{style}">{_line(parts)}</td>' for style, parts in zip(styles[1:], others, strict=True))
        rows += f'\n<tr><th scope="row" class="{styles[0]}">{_line(first)}</th>{cells}</tr>'
    return f"""<div class="scroll"><table><caption>{safe(table.caption)}</caption>
<thead><tr>{heads}</tr></thead>
<tbody>{rows}</tbody></table></div>"""


def _grid(grid: Grid) -> str:
    heads = _each('<th scope="col">{}</th>', grid.heads)
    rows = ""
    for row in grid.rows:
        cells = "".join('<td class="x">null</td>' if cell is None else f"<td>{safe(cell)}</td>" for cell in row)
        rows += f"\n<tr>{cells}</tr>"
    return f"""<div class="scroll"><table class="sample"><caption>{safe(grid.caption)}</caption>
<thead><tr>{heads}</tr></thead>
<tbody>{rows}</tbody></table></div>"""


def _card(card: Card) -> str:
    lead = f'{signs()[card.tone]}<span>{safe(card.title)}</span><span class="aside">{safe(card.aside)}</span>'
    return f"""<details class="node"{_open(card.tone in ("bad", "warn"))}><summary class="lead">{lead}</summary>
<div class="inside" id="{safe(card.anchor)}">{_blocks(card.blocks)}</div></details>"""


def _open(is_open: bool) -> str:
    return " open" if is_open else ""
