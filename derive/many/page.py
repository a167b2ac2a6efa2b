"""A report as a page: one file, no scripts, nothing from elsewhere, no value of a header."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from derive.many.outcome import Ending, Outcome
from derive.many.report import BatchSummary, read_report
from derive.many.thumbnails import Thumbnails
from derive.told.wording import counted
from derive.version import MODEL, VERSION

#: Of series that were not done so many are listed one by one.
_LISTED = 500
_COLOURS = {
    Ending.DONE: "#2e7d32",
    Ending.PLANNED: "#1565c0",
    Ending.SKIPPED: "#9e9e9e",
    Ending.REFUSED: "#ef6c00",
    Ending.FAILED: "#c62828",
    Ending.TIMED_OUT: "#6a1b9a",
}
_STYLE = """
:root { color-scheme: light dark } body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem;
padding: 0 1rem } table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem } th, td { text-align: left;
padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top } th { font-weight: 600 }
.bar { display: flex; height: 1.2rem; border-radius: .3rem; overflow: hidden }
.bar div { min-width: 2px } .dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%;
margin-right: .4rem } code, .uid { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere }
details { margin: .3rem 0 } pre { overflow-x: auto; font-size: .8em } .pair { display: inline-block;
margin: 0 1rem 1rem 0 } .pair img { display: block; max-width: 34rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem }
"""


def page_of(report: Path, summary: BatchSummary, pictures: Iterable[Thumbnails] = ()) -> str:
    """Return a report as HTML.

    Parameters
    ----------
    report : Path
    summary : BatchSummary
        Of that report.
    pictures : iterable of Thumbnails
    """
    parts = [
        f"<h1>{escape(report.name)}</h1>",
        *_head(summary),
        "<h2>By outcome and code</h2>",
        _table(("outcome", "code", "series", "for example", "what would help"), _codes(summary)),
        "<h2>By rule</h2>",
        _table(("rule", *(e.value for e in Ending)), _rules(summary)),
        *_slowest(summary),
        *_unread(summary),
        *_listed(report),
        *_pictures(pictures),
    ]
    title = escape(f"{MODEL}: {report.name}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n'
    )


def _head(summary: BatchSummary) -> Iterator[str]:
    total = sum(summary.counts.values()) or 1
    there = [e for e in Ending if summary.counts[e]]
    parts = (_part(e, summary.counts[e], total) for e in there)
    yield f'<div class="bar" role="img" aria-label="outcomes">{"".join(parts)}</div>'
    words = (f"{_dot(e)}{summary.counts[e]} {e.value}" for e in there)
    before = f" ({summary.before} of them before this run)" if summary.before else ""
    yield f"<p>{' &nbsp; '.join(words) or 'no series was found'}{before}</p>"
    rows = [("begun", summary.begun), ("ended", summary.ended or "not: the run was ended before its end")]
    worked = sum(summary.counts.values()) - summary.before - summary.counts[Ending.SKIPPED]
    if summary.lasted_s:
        rate = worked / summary.lasted_s * 60
        rows += [("lasted", _time(summary.lasted_s)), ("throughput", f"{rate:.1f} series a minute")]
        busy = summary.seconds / summary.lasted_s
        rows += [("at work side by side", f"{busy:.1f} series, on average")]
    if worked:
        rows += [("a series took", f"{summary.seconds / worked:.2f} s, on average")]
    rows += [("results", f"{summary.size / 1e6:,.1f} MB"), ("software", f"{MODEL} {VERSION}")]
    yield _table(("", ""), ([escape(name), escape(value)] for name, value in rows))


def _part(ending: Ending, count: int, total: int) -> str:
    share = f"flex-grow:{count / total:.6f};background:{_COLOURS[ending]}"
    return f'<div style="{share}" title="{count} {ending.value}"></div>'


def _dot(ending: Ending) -> str:
    return f'<span class="dot" style="background:{_COLOURS[ending]}"></span>'


def _codes(summary: BatchSummary) -> Iterator[list[str]]:
    plain = {e: summary.counts[e] - sum(n for (of, _), n in summary.codes.items() if of is e) for e in Ending}
    for ending, count in plain.items():
        if count:
            yield [f"{_dot(ending)}{ending.value}", "", str(count), "", ""]
    for (ending, code), count in summary.codes.most_common():
        one = summary.examples[ending, code]
        row = [f"{_dot(ending)}{ending.value}", f"<code>{escape(code)}</code>", str(count)]
        yield [
            *row,
            f"{escape(one.message)}<br>{_uid(one)}",
            escape(one.flag),
        ]


def _rules(summary: BatchSummary) -> Iterator[list[str]]:
    for rule in dict.fromkeys(name for name, _ in summary.rules):
        counts = (summary.rules[rule, ending] for ending in Ending)
        yield [escape(rule) or "(none wants it)", *(str(n or "") for n in counts)]


def _slowest(summary: BatchSummary) -> Iterator[str]:
    if summary.slowest:
        yield "<h2>What took longest</h2>"
        rows = ([f"{o.seconds:.1f} s", _uid(o), escape(o.rule), escape(_images(o))] for o in summary.slowest)
        yield _table(("time", "series", "rule", "images"), rows)


def _unread(summary: BatchSummary) -> Iterator[str]:
    if summary.unread:
        yield f"<h2>{counted(len(summary.unread), 'file or folder', 'files and folders')} that cannot be read</h2>"
        rows = ([escape(u.name), f"<code>{escape(u.code)}</code>", escape(u.reason)] for u in summary.unread[:_LISTED])
        yield _table(("name", "code", "why"), rows)


def _listed(report: Path) -> Iterator[str]:
    """List series that are not done, with the traces of faults."""
    found = (Outcome.from_json(line["outcome"]) for line in read_report(report) if "outcome" in line)
    wrong = [o for o, _ in zip((o for o in found if not o.ending.well), range(_LISTED), strict=False)]
    if not wrong:
        return
    yield f"<h2>Series that are not done{' (the first ' + str(_LISTED) + ')' if len(wrong) == _LISTED else ''}</h2>"
    rows = ([f"{_dot(o.ending)}{o.ending.value}", _uid(o), escape(o.rule), _why(o)] for o in wrong)
    yield _table(("outcome", "series", "rule", "why"), rows)


def _why(outcome: Outcome) -> str:
    text = f"<code>{escape(outcome.code)}</code> {escape(outcome.message)}"
    trace = f"<details><summary>where</summary><pre>{escape(outcome.trace)}</pre></details>" if outcome.trace else ""
    return f"{text}{trace}"


def _pictures(pictures: Iterable[Thumbnails]) -> Iterator[str]:
    made = [p for p in pictures if p.source or p.result]
    if made:
        yield "<h2>Sources and results</h2>"
    for pair in made:
        images = f"{_image(pair.source, 'source')}{_image(pair.result, 'result')}"
        yield f'<div class="pair">{_uid(pair.outcome)}, {escape(pair.outcome.rule)}{images}</div>'


def _image(png: bytes, what: str) -> str:
    if not png:
        return f"<p>{what}: no picture</p>"
    return f'<img alt="{what}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _images(outcome: Outcome) -> str:
    return str(outcome.facts.get("images", ""))


def _uid(outcome: Outcome) -> str:
    return f'<span class="uid">{escape(outcome.series_instance_uid)}</span>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
