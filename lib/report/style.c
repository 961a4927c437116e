/* The report's style sheet. Widths of bars stand in the page, as percentages; no picture has text in
 * it, so that text keeps its size on narrow screens. Colours are Okabe and Ito's, which people with
 * colour blindness tell apart. */
#include "lib/report/report.h"

#include <stddef.h>

const char *const report_style[] = {
    ":root{--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--soft:#f3f5f7;--warn:#b42318;"
    "--c0:#0072b2;--c1:#e69f00;--c2:#009e73;--c3:#cc79a7;--c4:#56b4e9;--c5:#d55e00;--c6:#8a7f00;"
    "--c7:#6e6e6e;--weights:#6b46c1;--workspace:#b794f4;--state:#d6336c;--queues:#38b2ac;"
    "--code:#a0a8b0}\n",
    "@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;"
    "--line:#30363d;--soft:#161b22;--warn:#ff7b72}}\n",
    "*{box-sizing:border-box}\n",
    "html{color-scheme:light dark;-webkit-text-size-adjust:100%}\n",
    "body{margin:0;background:var(--bg);color:var(--fg);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\n",
    "main{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 3rem}\n",
    "h1{font-size:1.6rem;line-height:1.2;margin:0;overflow-wrap:anywhere}\n",
    "header p{margin:.2rem 0 0;color:var(--dim)}\n",
    "h2{font-size:1.2rem;margin:2.5rem 0 .25rem}\n",
    "h3{font-size:1rem;margin:1.25rem 0 .25rem;overflow-wrap:anywhere}\n",
    ".note{color:var(--dim);font-size:.875rem;margin:.25rem 0 .75rem}\n",
    "code{font-size:.9em}\n",
    "small{display:block;color:var(--dim);font-size:.75rem;font-weight:400}\n",
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;"
    "margin:1.25rem 0 .75rem}\n",
    ".figures div{background:var(--soft);border-radius:.5rem;padding:.6rem .8rem}\n",
    ".figures dt{font-size:.8rem;color:var(--dim)}\n",
    ".figures dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}\n",
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:.5rem 0;"
    "padding:0;font-size:.875rem}\n",
    ".legend span{color:var(--dim)}\n",
    ".key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em;"
    "vertical-align:-.05em}\n",
    ".c0{background:var(--c0)}.c1{background:var(--c1)}.c2{background:var(--c2)}"
    ".c3{background:var(--c3)}.c4{background:var(--c4)}.c5{background:var(--c5)}"
    ".c6{background:var(--c6)}.c7{background:var(--c7)}\n",
    ".f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}"
    ".f4{fill:var(--c4)}.f5{fill:var(--c5)}.f6{fill:var(--c6)}.f7{fill:var(--c7)}\n",
    ".weights{background:var(--weights)}.workspace{background:var(--workspace)}"
    ".state{background:var(--state)}.queues{background:var(--queues)}.code{background:var(--code)}"
    "\n",
    ".bar{display:flex;height:1.4rem;background:var(--soft);border:1px solid var(--line);"
    "border-radius:4px;overflow:hidden;margin:.2rem 0}\n",
    ".bar span{flex:none;min-width:1px}\n",
    ".bar.zoom{height:.8rem}\n",
    ".over .bar{border:2px solid var(--warn)}\n",
    ".over .share{color:var(--warn);font-weight:600}\n",
    ".row{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;"
    "align-items:baseline}\n",
    ".device{margin:0 0 1rem}.device h3{margin:.25rem 0}\n",
    ".share,.parts{font-size:.875rem;color:var(--dim)}\n",
    ".parts{display:flex;flex-wrap:wrap;gap:0 1rem;list-style:none;margin:.1rem 0 0;padding:0}\n",
    "svg.layers{display:block;width:100%;height:9rem;background:var(--soft);"
    "border:1px solid var(--line);border-radius:4px}\n",
    ".strip{display:flex;height:.5rem;margin-top:2px;border-radius:3px;overflow:hidden}\n",
    ".strip span{flex:none}\n",
    ".axis{display:flex;justify-content:space-between;font-size:.75rem;color:var(--dim)}\n",
    ".lane{display:grid;grid-template-columns:10rem 1fr;gap:.1rem .5rem;align-items:center;"
    "margin:.4rem 0}\n",
    ".lane b{font-size:.875rem;font-weight:600;overflow-wrap:anywhere;line-height:1.2}\n",
    ".track{position:relative;overflow:hidden;height:2.4rem;background:var(--soft);border-radius:"
    "4px}\n",
    ".track span{position:absolute;top:.15rem;height:1.25rem;border-radius:2px;color:#fff;"
    "font-size:.75rem;line-height:1.25rem;text-align:center;overflow:hidden;min-width:2px;"
    "box-shadow:inset 0 0 0 1px rgba(255,255,255,.55)}\n",
    ".track span.thin{box-shadow:none}\n",
    ".track span.dark{color:#1b1f24}\n",
    ".track span.send{top:1.5rem;height:.7rem;opacity:.6}\n",
    ".scale{margin-left:10.5rem}\n",
    ".scroll{overflow-x:auto}\n",
    "table{border-collapse:collapse;width:100%;font-size:.875rem}\n",
    "th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:anywhere}\n",
    "th{font-weight:600;color:var(--dim);font-size:.8rem;overflow-wrap:normal}\n",
    "td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n",
    "tr.chosen td{background:var(--soft);font-weight:600}\n",
    ".id{display:inline-block;min-width:2.2em;color:var(--dim)}\n",
    "details{margin:.6rem 0}\n",
    "summary{cursor:pointer;padding:.3rem 0}\n",
    "@media (max-width:40rem){.lane{grid-template-columns:1fr}.scale{margin-left:0}"
    "table.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "table.cards,table.cards tbody{display:block}"
    "table.cards tr{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem;padding:.5rem;"
    "border-bottom:1px solid var(--line)}"
    "table.cards tr.chosen{background:var(--soft);border-radius:.5rem}"
    "table.cards td{border:0;padding:.1rem 0;text-align:left;white-space:normal}"
    "table.cards td:first-child,table.cards td.wide{grid-column:1/-1}"
    "table.cards td[data-k]::before{content:attr(data-k) ' ';color:var(--dim);font-weight:400;"
    "font-size:.8rem}}\n",
    "@media print{details:not([open])>*{display:block}}\n",
    NULL};
