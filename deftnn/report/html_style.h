// The report's style sheet.
#pragma once

namespace deftnn {

inline constexpr const char* kReportStyle = R"css(
:root{color-scheme:light dark;--page:#f4f6f9;--card:#fff;--ink:#141b2a;--soft:#5d687d;--line:#e1e6ee;
--before:#a3aec0;--after:#0f9f8f;--sve:#4f6bed;--ndf:#c2760c;--outputs:#8b5cf6;--compute:#4f6bed;
--memory:#d97706;--bad:#b42318;--badpage:#fef3f2;--warn:#92400e;--warnpage:#fffaeb;--track:#eef1f6}
@media(prefers-color-scheme:dark){:root{--page:#0e131c;--card:#171e2b;--ink:#e8edf5;--soft:#96a2b8;
--line:#28324a;--before:#66728a;--after:#2cc4b2;--sve:#7f96ff;--ndf:#e9a13b;--outputs:#ab8bfb;
--compute:#7f96ff;--memory:#f0a742;--bad:#ff9b90;--badpage:#2c1717;--warn:#f4c977;--warnpage:#2a2314;
--track:#202a3c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",
Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1060px;margin:0 auto;padding:36px 20px 64px}
header{margin-bottom:22px}
.brand{color:var(--after);font-weight:650;letter-spacing:.02em;margin:0 0 4px}
h1{font-size:27px;line-height:1.25;margin:0 0 10px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 2px;letter-spacing:-.005em}
.chips{display:flex;flex-wrap:wrap;gap:6px;margin:0;padding:0;list-style:none}
.chips li{border:1px solid var(--line);background:var(--card);border-radius:99px;padding:1px 11px;
color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(215px,1fr));gap:14px;margin:0 0 18px}
.card,section{background:var(--card);border:1px solid var(--line);border-radius:12px}
.card{padding:16px 18px}
.card p{margin:0;color:var(--soft);font-size:13.5px}
.card strong{display:block;font-size:31px;line-height:1.25;letter-spacing:-.02em;font-weight:680}
.card.lead strong{color:var(--after)}
.card small{font-size:14px;font-weight:450;color:var(--soft);letter-spacing:0}
section{padding:20px 22px;margin:0 0 18px}
section>p{margin:2px 0 12px;color:var(--soft);max-width:78ch}
.note{border-radius:12px;padding:12px 18px;margin:0 0 18px;border:1px solid}
.note.bad{color:var(--bad);background:var(--badpage)}
.note.warn{color:var(--warn);background:var(--warnpage)}
.note ul{margin:4px 0 0;padding-left:20px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:7px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:550;font-size:13px}
th:first-child{text-align:left}
tbody th{font-weight:550}
tbody tr:last-child>*{border-bottom:0}
th small,.name small{display:block;color:var(--soft);font-weight:400;font-size:12.5px}
.wide{width:34%;min-width:210px;text-align:left!important}
.left{text-align:left!important;white-space:normal}td.left{width:75%}
.bar{position:relative;display:flex;align-items:center;height:18px;padding-right:84px}
.bar i{display:block;flex:none;height:12px;min-width:2px;border-radius:3px}
.bar span{flex:none;width:76px;margin:0 -84px 0 8px;font-size:12.5px;color:var(--soft);white-space:nowrap}
i.before,b.before{background:var(--before)}i.after,b.after{background:var(--after)}
i.sve,b.sve{background:var(--sve)}i.ndf{background:var(--ndf)}
i.outputs,b.outputs{background:var(--outputs)}
b.compute{background:var(--compute)}b.memory{background:var(--memory)}
.legend{display:flex;flex-wrap:wrap;align-items:center;font-size:13px;margin:10px 0!important}
.legend b{width:12px;height:12px;border-radius:3px;margin:0 7px 0 18px}
.legend b:first-child{margin-left:0}.legend b.dot{border-radius:50%}.legend b.line{height:3px;width:20px}
.rows{display:grid}
.row{display:grid;grid-template-columns:minmax(120px,230px) 1fr 84px;gap:14px;align-items:center;
padding:6px 0;border-top:1px solid var(--line)}
.row:first-child{border-top:0}
.name{font-size:13.5px;font-weight:550;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.figure{text-align:right;font-size:13.5px;color:var(--soft)}
.track .bar{padding-right:118px}
.track .bar span{position:absolute;right:0;width:110px;margin:0}
.track .bar::before{content:"";position:absolute;left:0;right:118px;height:12px;background:var(--track);
border-radius:3px}
.track .bar i{position:relative}
svg{display:block;width:100%;min-width:640px;height:auto}
.grid{stroke:var(--line)}
.tick,.axis,.rooftext{fill:var(--soft);font-size:12px}.axis{font-size:13px}
.mid{text-anchor:middle}.end{text-anchor:end}
.roof{stroke-width:2;fill:none}.roof.compute{stroke:var(--compute)}.roof.memory{stroke:var(--memory)}
.move{stroke:var(--soft);stroke-opacity:.45}.tip{fill:var(--soft)}
circle.dot{stroke:var(--card);stroke-width:1.5}
circle.before{fill:var(--before)}circle.after{fill:var(--after)}
em{font-style:normal;font-size:12.5px;font-weight:550;padding:1px 9px;border-radius:99px;
border:1px solid currentColor;color:var(--soft)}
em.compute{color:var(--compute)}em.memory{color:var(--memory)}
details{margin-top:12px}summary{cursor:pointer;color:var(--soft);font-size:14px;margin-bottom:6px}
pre{margin:8px 0 0;padding:14px 16px;background:var(--track);border-radius:8px;font:13px/1.6
ui-monospace,"SFMono-Regular",Menlo,"DejaVu Sans Mono",monospace;white-space:pre-wrap;
overflow-wrap:anywhere;user-select:all}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:8px 0 0;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:13px;padding:0 4px}
@media(max-width:640px){main{padding:22px 12px 40px}section{padding:16px 14px}h1{font-size:22px}
.row{grid-template-columns:1fr 62px;gap:4px 10px}.row .name{grid-column:1/3}
.row .name small{display:inline;margin-left:8px}.cards{grid-template-columns:1fr 1fr}
.card strong{font-size:24px}.card{padding:12px 14px}dl{grid-template-columns:1fr}dd{margin-bottom:6px}}
@media print{body{background:#fff}section,.card{break-inside:avoid}}
)css";

}  // namespace deftnn
