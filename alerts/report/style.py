"""The page's stylesheet: light and dark, wide and narrow, no font or image from elsewhere."""

from alerts.report.drawing import COLORS

_SHEET = """
:root {
  color-scheme: light dark;
  --page: #f7f6f3; --card: #ffffff; --edge: #e3e1da; --ink: #1c2230; --quiet: #646b7a;
  --grid: #e6e4de; --series: #2f66c9; --before: #b9c3d6; --limit: #8a8f9c; --shade: #f6dfae;
  --alarm: #cf2f45; --good: #1d7a4c; --good-back: #e2f3e9; --bad-back: #fbe4e6;
  --note-back: #f8edd3; --note: #7d5a0c; --band: #d6e1f6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151b; --card: #1a1f28; --edge: #2b323e; --ink: #e8eaf0; --quiet: #9aa3b3;
    --grid: #2b323e; --series: #7aa7f7; --before: #4c586d; --limit: #7d8696; --shade: #4b3c17;
    --alarm: #ff6b7d; --good: #6fd3a0; --good-back: #17352a; --bad-back: #42202a;
    --note-back: #3b3117; --note: #e9c877; --band: #26395c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 8px; }
h2 { font-size: 1.2rem; letter-spacing: -0.01em; margin: 52px 0 4px; }
h3 { font-size: 0.92rem; font-weight: 600; margin: 0 0 6px; }
p { margin: 0 0 12px; max-width: 72ch; }
.lead { color: var(--quiet); margin-bottom: 20px; }
.quiet, .hint { color: var(--quiet); }
.hint { font-size: 0.87rem; margin-bottom: 16px; }
code { font: 0.86em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.verdicts { display: flex; flex-wrap: wrap; gap: 8px; margin: 0; padding: 0; list-style: none; }
.chip {
  display: inline-block; border-radius: 999px; padding: 2px 11px; font-size: 0.85rem;
  background: var(--good-back); color: var(--good); white-space: nowrap;
}
.chip.bad { background: var(--bad-back); color: var(--alarm); }
.chip.note { background: var(--note-back); color: var(--note); }
.verdicts .chip { padding: 5px 14px; white-space: normal; }
.grid {
  display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr));
}
.card {
  background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 14px 16px;
  margin: 0; min-width: 0;
}
.card header { display: flex; justify-content: space-between; align-items: baseline; gap: 8px; }
.card header > span { text-align: right; }
.card header .chip { font-size: 0.76rem; padding: 1px 9px; }
.card dl { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 8px; margin: 10px 0 0; }
.card dt { font-size: 0.75rem; color: var(--quiet); }
.card dd { margin: 0; font-variant-numeric: tabular-nums; }
.card dd b { display: block; font-size: 1.3rem; font-weight: 620; letter-spacing: -0.01em; }
.card dd b.bad { color: var(--alarm); }
.card dd small { color: var(--quiet); font-size: 0.75rem; }
.key {
  display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 14px; padding: 0; list-style: none;
  font-size: 0.83rem; color: var(--quiet);
}
.key i { display: inline-block; width: 18px; height: 10px; margin-right: 6px; border-radius: 2px; }
.key .series { background: var(--series); }
.key .before { background: var(--before); }
.key .band { background: var(--band); }
.key .shade { background: var(--shade); }
.key .limit { height: 0; border-top: 1px dashed var(--limit); vertical-align: 4px; }
.key .dot { width: 8px; height: 8px; border-radius: 50%; background: var(--alarm); }
.key .week { height: 5px; background: var(--alarm); vertical-align: 2px; }
svg { display: block; width: 100%; height: auto; max-height: 320px; overflow: visible; }
.wide svg { min-width: 640px; }
.tall svg { max-height: none; max-width: 760px; }
.wide, .table { overflow-x: auto; }
.table { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
th, td {
  text-align: left; vertical-align: top; padding: 9px 14px; border-top: 1px solid var(--edge);
}
.tight th, .tight td { padding: 6px 10px; }
.truth th:first-child { width: 28%; }
thead th { border-top: 0; font-size: 0.77rem; font-weight: 600; color: var(--quiet); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.days { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.quiet { color: var(--quiet); }
td.good { color: var(--good); }
td.bad { color: var(--alarm); }
td.note { color: var(--note); }
td.strong { font-weight: 620; }
td small { display: block; color: var(--quiet); max-width: 46ch; }
.reasons { margin: 14px 0 0; padding-left: 20px; max-width: 90ch; }
.verdicts .large { font-size: 1.15rem; font-weight: 620; padding: 8px 20px; }
.progress { display: grid; grid-template-columns: auto 1fr auto; gap: 6px 14px; max-width: 640px; }
.progress progress { width: 100%; height: 1.5em; accent-color: var(--series); }
.table + .hint, .progress + .hint { margin-top: 16px; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--quiet); font-size: 0.87rem; }
footer { margin-top: 56px; color: var(--quiet); font-size: 0.85rem; }
@media (max-width: 640px) {
  main { padding: 24px 14px 48px; }
  h1 { font-size: 1.5rem; }
  .stack thead { display: none; }
  .stack tr { display: block; border-top: 1px solid var(--edge); padding: 8px 0; }
  .stack tr:first-child { border-top: 0; }
  .stack td { display: block; border: 0; padding: 3px 14px; }
  .stack td[data-name]::before {
    content: attr(data-name) " "; color: var(--quiet); font-size: 0.8em;
  }
}
@media print { body { background: #fff; } .card, .table { break-inside: avoid; } }
"""


def stylesheet() -> str:
    """The sheet, with the colours that the drawings name."""
    drawn = [
        f'[fill="{color}"] {{ fill: var(--{name}); }} '
        f'[stroke="{color}"] {{ stroke: var(--{name}); }}'
        for color, name in COLORS.items()
    ]
    return _SHEET + "\n".join(drawn) + "\n"
