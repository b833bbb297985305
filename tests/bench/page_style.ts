/** How the page of the results looks: light or dark, as its reader has it, and on a phone, too. @module */

/** The style sheet. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1c2026; --faint: #5c6470; --line: #d9dde3;
  --ours: #0b7a5c; --verifies: #7388a8; --other: #b9c2cf; --slower: #b4531f; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --text: #e6e9ee; --faint: #9aa4b2; --line: #313842;
  --ours: #35c79a; --verifies: #8096b8; --other: #525d6c; --slower: #e58a4f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.3rem; margin-top: 2.5rem; }
h3 { font-size: 1.05rem; margin: 2.2rem 0 0; }
p { margin: .4rem 0; } .faint, caption, summary { color: var(--faint); } a { color: inherit; }
code { font-size: .9em; } summary { cursor: pointer; margin-top: .4rem; }
svg { display: block; width: 100%; height: 1.1rem; background: color-mix(in srgb, var(--line) 35%, transparent); }
svg path { fill: none; stroke: var(--text); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
svg path.middle { stroke: var(--faint); }
.ours { fill: var(--ours); } .verifies { fill: var(--verifies); } .other { fill: var(--other); }
.slower { fill: var(--slower); }
.plot, .glance { display: grid; align-items: center; gap: .3rem .8rem; margin: .8rem 0; }
.plot { grid-template-columns: 14rem 1fr 5rem; }
.glance { grid-template-columns: 1fr 13rem 14rem; align-items: start; } .glance svg { margin-top: .2rem; }
.figure { text-align: right; font-variant-numeric: tabular-nums; }
.legend span { display: inline-block; margin-right: 1rem; }
.legend svg { display: inline-block; width: .9rem; height: .9rem; vertical-align: -.1rem; margin-right: .3rem; }
.trouble { border-left: .25rem solid var(--slower); padding-left: .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; }
th, td { padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap;
  vertical-align: top; }
th:first-child, .facts td { text-align: left; } .facts td { white-space: normal; } th { font-weight: 600; }
@media (max-width: 40rem) {
  .plot { grid-template-columns: 1fr auto; grid-auto-flow: dense; } .plot svg { grid-column: 1 / -1; }
  .glance { grid-template-columns: 1fr; gap: .15rem; } .glance .figure { text-align: left; margin-bottom: .6rem; }
  .glance span:empty { display: none; }
}
`;
