"use strict";
// The table of videos: sorting and filtering, which the timelines follow. Of a long table, only the
// rows in view are there.

const FEW = 200;  // rows that are all there at once
const many = data.videos.length > FEW;
const timelines = data.videos.map((video, i) => new Timeline(video, i));
if (!many) timelines.forEach((t) => t.head());
document.getElementById("timelines").append(...timelines.map((t) => t.node));
if (!data.truth) document.querySelectorAll(".if-truth").forEach((node) => { node.hidden = true; });

const table = document.getElementById("table"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
const written = new Map([...body.rows].map((row) => [Number(row.dataset.i), row]));
const rows = timelines.map((timeline, i) => {
  const { video } = timeline, classes = video.c.map(String);
  return { timeline, i, classes, node: written.get(i) ?? null, keep: true, text: [video.id, ...classes.map((c) => data.labels[c])].join("\n").toLowerCase() };
});

function shown(value, column) {  // of a number or of classes, as the page was written
  const { digits } = data.columns[column];
  if (value === null) return "–";
  if (digits !== null) return value.toLocaleString("en", { minimumFractionDigits: digits === 1 && Number.isInteger(Number(value.toFixed(1))) ? 0 : digits, maximumFractionDigits: digits });
  const [named, more] = value;
  if (!named.length) return "–";
  return named.map(([code, chance]) => data.labels[code] + (chance === null ? "" : ` ${chance}`)).join(", ") + (more ? `, and ${more} more` : "");
}

function build(entry) {
  if (entry.node) return entry.node;
  const { timeline, i } = entry, link = make("a", { href: `#video-${i}` }, timeline.video.id);
  entry.node = make("tr", { "data-i": i, "aria-rowindex": "0" }, make("th", { scope: "row" }, link));
  timeline.video.r.forEach((value, column) => {
    const text = shown(value, column);
    entry.node.append(make("td", data.columns[column].digits === null ? { title: text } : { class: "n" }, text));
  });
  return entry.node;
}

class Rows {  // those of the table that are there
  constructor() {
    this.box = table.parentNode;
    this.order = rows;
    this.space = [0, 1].map(() => make("tr", { class: "space", "aria-hidden": "true" }, make("td", { colspan: heads.length })));
    table.classList.toggle("many", many);
    if (!many) return;
    table.setAttribute("aria-rowcount", rows.length + 1);
    this.box.addEventListener("scroll", () => requestAnimationFrame(() => this.view()), { passive: true });
    addEventListener("resize", () => this.view());
  }

  set(order) {
    this.order = order;
    if (!many) { body.append(...order.map(build)); return; }
    body.replaceChildren(...this.space);
    this.view();
  }

  view(all = false) {
    const { order } = this;
    if (!this.high && order.length) {
      this.space[1].before(build(order[0]));
      this.high = order[0].node.getBoundingClientRect().height || 28;
    }
    const top = Math.floor(this.box.scrollTop / this.high), fit = Math.ceil(this.box.clientHeight / this.high);
    const first = all ? 0 : clamp(top - 10, 0, order.length), last = all ? order.length : Math.min(order.length, top + fit + 10);
    const wanted = order.slice(first, last), want = new Set(wanted.map(build));
    for (const row of [...body.rows]) if (!want.has(row) && !this.space.includes(row)) row.remove();
    let at = this.space[0];  // rows that stay are not moved, as a moved one loses the focus
    wanted.forEach(({ node }, k) => {
      node.setAttribute("aria-rowindex", first + k + 2);
      if (at.nextSibling !== node) at.after(node);
      at = node;
    });
    this.space[0].firstChild.style.height = `${first * this.high}px`;
    this.space[1].firstChild.style.height = `${(order.length - last) * this.high}px`;
    this.space.forEach((row, k) => { row.hidden = k ? last === order.length : !first; });
  }
}
const inView = new Rows();
let sorted = rows;

function sort(column) {
  const up = heads[column].getAttribute("aria-sort") !== "ascending";
  const names = new Intl.Collator(undefined, { numeric: true });
  const key = ({ timeline: { video } }) => {
    if (!column) return video.id;
    const value = video.r[column - 1];
    return value === null || data.columns[column - 1].digits !== null ? value : shown(value, column - 1);
  };
  const keyed = sorted.map((entry) => [key(entry), entry]);
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);  // unknown goes last
    return (up ? 1 : -1) * (typeof a === "number" ? a - b : names.compare(a, b));
  });
  heads.forEach((head, i) => (i === column ? head.setAttribute("aria-sort", up ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
  sorted = keyed.map(([, entry]) => entry);
  show();
  document.getElementById("timelines").append(...sorted.map((entry) => entry.timeline.node));
}
heads.forEach((head, i) => head.firstElementChild.addEventListener("click", () => sort(i)));

const byClass = document.getElementById("by-class"), byText = document.getElementById("by-text");
function show() { inView.set(many ? sorted.filter((entry) => entry.keep) : sorted); }

function filter() {
  const wanted = byText.value.trim().toLowerCase();
  let kept = 0;
  for (const entry of rows) {
    entry.keep = (!byClass.value || entry.classes.includes(byClass.value)) && entry.text.includes(wanted);
    entry.timeline.node.hidden = !entry.keep;
    if (entry.node) entry.node.hidden = !entry.keep;
    kept += entry.keep;
  }
  if (many) { table.parentNode.scrollTop = 0; show(); }
  document.getElementById("count").textContent = `${kept} of ${rows.length} videos`;
}
byClass.addEventListener("change", () => { filter(); operating.say(); });
byText.addEventListener("input", filter);
byClass.form.addEventListener("submit", (event) => event.preventDefault());
operating.start();
marks.start();
filter();

const watch = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) { target.timeline.draw(); watch.unobserve(target); }
}, { rootMargin: "600px" });
for (const { node } of timelines) watch.observe(node);

// frames are read where a video stays in view: at once from disk, from a network when asked for
const withFrames = document.getElementById("with-frames"), waiting = new Map();
const linked = timelines.filter((t) => t.video.url);
const remote = linked.some((t) => /^https?:/.test(t.video.url));
withFrames.checked = linked.length > 0 && !remote;
withFrames.parentNode.hidden = !linked.length;
const close = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    clearTimeout(waiting.get(target));
    if (isIntersecting && withFrames.checked) waiting.set(target, setTimeout(() => { if (target.timeline.drawn) frames.ask(target.timeline); }, 400));
  }
}, { threshold: 0.2 });
function observe() { for (const { node } of linked) { close.unobserve(node); close.observe(node); } }
withFrames.addEventListener("change", () => {
  document.body.classList.toggle("no-frames", !withFrames.checked);
  observe();
});
observe();

addEventListener("beforeprint", () => {
  if (many) inView.view(true);
  timelines.filter((t) => !t.node.hidden).slice(0, 200).forEach((t) => t.draw());
});
addEventListener("afterprint", () => { if (many) inView.view(); });
