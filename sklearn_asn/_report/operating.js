"use strict";
// The least score: segments below it are hidden, and precision and recall are those of the rest.

const operating = {
  least: -Infinity,

  start() {
    const { s: scores } = data.points;
    this.slider = document.getElementById("by-score");
    if (scores.length < 2) { this.slider.parentNode.hidden = true; return; }
    this.slider.max = scores.length - 1;
    this.slider.addEventListener("input", () => this.set(this.slider.valueAsNumber));
    this.say();
  },

  set(step) {
    this.least = step ? data.points.s[step] : -Infinity;
    for (const t of timelines) if (t.drawn) t.limit();
    this.say();
  },

  say() {  // of the class that the table is filtered by, or of all
    const { s: scores, rows } = data.points, step = this.slider.valueAsNumber;
    const code = document.getElementById("by-class").value;
    const own = rows.filter((row) => !code || String(row.c) === code);
    const sum = (name) => own.reduce((total, row) => total + (row[name]?.[step] ?? 0), 0);
    const found = sum("f"), hit = sum("h"), total = own.reduce((n, row) => n + (row.t ?? 0), 0);
    const share = (a, b) => (b ? (a / b).toFixed(3) : "–");
    const parts = [`score ≥ ${scores[step] ?? 0}: ${found.toLocaleString("en")} segments`];
    if (data.truth) parts.push(`precision ${share(hit, found)}`, `recall ${share(hit, total)}`, `F1 ${share(2 * hit, found + total)} at tIoU ${data.points.tiou}`);
    document.getElementById("operating").textContent = parts.join(", ");
  },
};
