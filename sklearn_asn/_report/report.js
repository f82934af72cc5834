"use strict";
// The table of videos: sorting and filtering, which the timelines follow.

const timelines = data.videos.map((video, i) => new Timeline(video, i));
document.getElementById("timelines").append(...timelines.map((t) => t.node));
if (!data.truth) document.querySelectorAll(".if-truth").forEach((node) => { node.hidden = true; });

const body = document.querySelector("#table tbody"), heads = [...document.querySelectorAll("#table thead th")];
const rows = [...body.rows].map((row) => ({ row, timeline: timelines[row.dataset.i], text: "", classes: row.dataset.classes.split(" ") }));
for (const entry of rows) {
  entry.text = [timelines[entry.row.dataset.i].video.id, ...entry.classes.map((c) => data.labels[c] ?? "")].join("\n").toLowerCase();
}

function sort(column) {
  const up = heads[column].getAttribute("aria-sort") !== "ascending";
  const names = new Intl.Collator(undefined, { numeric: true });
  const key = ({ row }) => { const v = row.cells[column].dataset.v; return v === undefined ? row.cells[column].textContent : v === "" ? null : Number(v); };
  const keyed = rows.map((entry) => [key(entry), entry]);
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);  // unknown goes last
    return (up ? 1 : -1) * (typeof a === "number" ? a - b : names.compare(a, b));
  });
  heads.forEach((head, i) => (i === column ? head.setAttribute("aria-sort", up ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
  body.append(...keyed.map(([, entry]) => entry.row));
  document.getElementById("timelines").append(...keyed.map(([, entry]) => entry.timeline.node));
}
heads.forEach((head, i) => head.firstElementChild.addEventListener("click", () => sort(i)));

const byClass = document.getElementById("by-class"), byText = document.getElementById("by-text");
function filter() {
  const wanted = byText.value.trim().toLowerCase();
  let shown = 0;
  for (const { row, timeline, text, classes } of rows) {
    const keep = (!byClass.value || classes.includes(byClass.value)) && text.includes(wanted);
    row.hidden = timeline.node.hidden = !keep;
    shown += keep;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} videos`;
}
byClass.addEventListener("change", filter);
byText.addEventListener("input", filter);
byClass.form.addEventListener("submit", (event) => event.preventDefault());
filter();

const watch = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) { target.timeline.draw(); watch.unobserve(target); }
}, { rootMargin: "600px" });
for (const { node } of timelines) watch.observe(node);
window.addEventListener("beforeprint", () => timelines.filter((t) => !t.node.hidden).slice(0, 200).forEach((t) => t.draw()));
