"use strict";
// Marks: what somebody says of segments, kept by the browser, and saved as CSV or for Label Studio.

const SAID = { accept: "accepted", wrong: "marked as wrong", move: "moved", add: "added" };

const marks = {
  name: `sklearn_asn.report ${data.key}`,
  kept: true,
  videos: {},  // by position: { done, marks: { "label|start|end": [what, start, end] }, added: [[label, start, end]] }

  load() {
    try { this.videos = JSON.parse(localStorage.getItem(this.name)) ?? {}; } catch { this.kept = false; }
  },

  save() {
    try { localStorage.setItem(this.name, JSON.stringify(this.videos)); } catch { this.kept = false; }
    this.tell();
  },

  of(index) { return this.videos[index] ?? { done: false, marks: {}, added: [] }; },

  change(index, what) {
    const own = this.of(index);
    what(own);
    if (own.done || own.added.length || Object.keys(own.marks).length) this.videos[index] = own;
    else delete this.videos[index];
    this.save();
  },

  // what is true of a video, as [label, start, end, how], by time
  rows(index) {
    const { marks: given, added } = this.of(index), rows = added.map((row) => [...row, "add"]);
    for (const [key, [what, start, end]] of Object.entries(given)) {
      if (what !== "wrong") rows.push([key.slice(0, key.lastIndexOf("|", key.lastIndexOf("|") - 1)), start, end, what]);
    }
    return rows.sort((a, b) => a[1] - b[1] || a[2] - b[2]);
  },

  exported(all) {
    return Object.keys(this.videos).map(Number).sort((a, b) => a - b).filter((i) => all || this.videos[i].done);
  },

  csv(all = false) {
    const field = (v) => (/[",\r\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
    const lines = [["video", "label", "start", "end", "score", "mark"]];
    for (const i of this.exported(all)) {
      const id = data.named ? data.videos[i].id : i;
      for (const [label, start, end, how] of this.rows(i)) lines.push([id, label, start, end, "", how]);
    }
    return lines.map((line) => `${line.map(field).join(",")}\n`).join("");
  },

  labelStudio(framerate = null, all = false) {
    const kind = framerate === null ? "labels" : "timelinelabels", to = framerate === null ? "audio" : "video";
    const value = (start, end) => (framerate === null ? { start, end, channel: 0 }
      : { ranges: [{ start: Math.round(start * framerate) + 1, end: Math.max(Math.round(end * framerate), Math.round(start * framerate) + 1) }] });
    const tasks = this.exported(all).map((i) => {
      const { id, url } = data.videos[i], name = data.named ? id : String(i);
      const result = this.rows(i).map(([label, start, end], j) => (
        { id: `${i}_${j}`, from_name: "label", to_name: to, type: kind, value: { ...value(start, end), [kind]: [label] } }));
      return { data: { video: url ?? name, video_id: name }, annotations: [{ result }] };
    });
    return JSON.stringify(tasks, null, 1);
  },

  tell() {
    const all = Object.values(this.videos), done = all.filter((v) => v.done).length;
    const count = all.reduce((sum, v) => sum + v.added.length + Object.keys(v.marks).length, 0);
    const empty = this.exported(false).filter((i) => !this.rows(i).length).length;
    const parts = [`${count.toLocaleString("en")} mark${count === 1 ? "" : "s"} in ${all.length.toLocaleString("en")} video${all.length === 1 ? "" : "s"}, ${done.toLocaleString("en")} of them done.`];
    if (empty) parts.push(`${empty} done without any segment: a CSV has no line for these, Label Studio's file has.`);
    if (!this.kept) parts.push("This browser keeps nothing: save before you close the page.");
    document.getElementById("marks-count").textContent = parts.join(" ");
  },

  download(text, type, name) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  },

  start() {
    const get = (id) => document.getElementById(id), all = () => get("marks-all").checked;
    get("save-csv").addEventListener("click", () => this.download(this.csv(all()), "text/csv", "marks.csv"));
    get("save-label-studio").addEventListener("click", () => {
      const rate = get("framerate").valueAsNumber;
      this.download(this.labelStudio(rate > 0 ? rate : null, all()), "application/json", "marks.json");
    });
    if (data.unit !== "s") document.querySelectorAll(".if-seconds").forEach((node) => { node.hidden = true; });
    get("clear-marks").addEventListener("click", () => {
      if (!confirm("Remove all marks of this page?")) return;
      this.videos = {};
      this.save();
      for (const t of timelines) if (t.drawn) t.correcting.restore();
    });
    this.tell();
  },
};
marks.load();

class Correcting {  // what stands below a timeline
  constructor(timeline) {
    this.timeline = timeline;
    this.index = timeline.index;
    this.tally = make("output", { "aria-live": "off" });
    this.done = make("input", { type: "checkbox" });
    this.done.addEventListener("change", () => this.change((own) => { own.done = this.done.checked; }));
    this.text = make("span", { class: "from" });
    const step = timeline.video.step / 10;
    const seconds = (name) => make("input", { type: "number", step: "any", "data-step": step, "aria-label": name });
    this.start = seconds("start");
    this.end = seconds("end");
    const button = (text, what, title) => {
      const node = make("button", { type: "button", title }, text);
      node.addEventListener("click", what);
      return node;
    };
    this.buttons = {
      accept: button("accept", () => this.mark(this.chosen, "accept"), "It is right as it is (key A)"),
      wrong: button("wrong", () => this.mark(this.chosen, "wrong"), "There is no such segment (key W)"),
      move: button("move", () => this.move(), "It is from and to these times (key M goes to them)"),
    };
    this.choice = make("div", { class: "choice", hidden: "" }, this.text, this.buttons.accept, this.buttons.wrong,
      "from ", this.start, " to ", this.end, this.buttons.move,
      button("remove mark", () => this.mark(this.chosen, null), "Take the mark off again (key U)"));
    for (const field of [this.start, this.end]) {
      field.addEventListener("keydown", (event) => { if (event.key === "Enter") this.move(); });
    }
    this.label = make("select", { "aria-label": "class" }, ...data.labels.map((name) => make("option", { value: name }, name)));
    this.from = seconds("start of the new segment");
    this.to = seconds("end of the new segment");
    const adding = make("details", {}, make("summary", {}, "add a segment"), this.label, " from ", this.from, " to ", this.to,
      button("add", () => this.add(), "A segment that was not found"));
    this.problem = make("span", { class: "problem", "aria-live": "assertive" });
    this.node = make("div", { class: "correct" }, this.choice, make("div", { class: "all" }, this.tally,
      button("accept the others", () => this.acceptOthers(), "Accept every predicted segment shown that has no mark"),
      adding, make("label", {}, this.done, " this video is done"), this.problem));
    this.restore();
  }

  static key(s) { return `${s.name}|${s.from.start}|${s.from.end}`; }

  change(what) {
    marks.change(this.index, what);
    this.count();
  }

  restore() {  // from what is kept
    const own = marks.of(this.index), { timeline } = this;
    for (const s of timeline.segments.filter((other) => other.what === "added")) s.node.remove();
    timeline.segments = timeline.segments.filter((other) => other.what !== "added");
    for (const lane of timeline.added.values()) lane.hidden = true;
    for (const s of timeline.segments) if (s.what === "predicted") this.apply(s, own.marks[Correcting.key(s)]);
    for (const [name, start, end] of own.added) this.draw(name, start, end);
    this.choose(null);
    this.count();
  }

  apply(s, mark) {
    const [what, start, end] = mark ?? [null, s.from.start, s.from.end];
    Object.assign(s, { mark: what, start, end });
    this.timeline.put(s);
  }

  draw(name, start, end) {  // a segment that was added
    const { added } = this.timeline;
    if (!added.has(name)) this.timeline.classRow({ c: data.labels.indexOf(name), f: [], t: [], added: true });
    const lane = added.get(name);
    const s = { start, end, score: null, name, what: "added", mark: "add", from: { start, end } };
    this.timeline.place(s, `seg found k${data.labels.indexOf(name) % 8}`, 1);
    lane.hidden = false;
    lane.append(s.node);
    return s;
  }

  choose(s) {
    this.chosen = s && s.what !== "true" ? s : null;
    this.choice.hidden = !this.chosen;
    this.problem.textContent = "";
    if (!this.chosen) return;
    this.text.textContent = s.text;
    [this.start.value, this.end.value] = [s.start, s.end];
    this.buttons.accept.hidden = this.buttons.wrong.hidden = s.what === "added";
    for (const [what, node] of Object.entries(this.buttons)) node.setAttribute("aria-pressed", String(s.mark === what));
  }

  mark(s, what, start = s.from.start, end = s.from.end) {
    if (s.what === "added") {
      this.change((own) => {
        own.added = own.added.filter((row) => row[0] !== s.name || row[1] !== s.from.start || row[2] !== s.from.end);
        if (what === "move") own.added.push([s.name, start, end]);
      });
      this.restore();
      return;
    }
    const mark = what === null ? undefined : [what, start, end];
    this.change((own) => {
      if (mark) own.marks[Correcting.key(s)] = mark; else delete own.marks[Correcting.key(s)];
      const left = this.timeline.shown().some((other) => other.what === "predicted" && !own.marks[Correcting.key(other)]);
      own.done = mark ? own.done || !left : false;
    });
    this.apply(s, mark);
    this.count();
    if (this.chosen === s) this.choose(s);
  }

  times(start, end) {  // what two fields hold, or null after saying what is wrong
    const values = [start.valueAsNumber, end.valueAsNumber], { video } = this.timeline;
    const fits = video.start <= values[0] && values[0] < values[1] && values[1] <= video.end + video.step;
    this.problem.textContent = fits ? "" : `The start must be before the end, and both in the video (${round(video.start)} to ${round(video.end)}).`;
    return fits ? values : null;
  }

  move() {
    const values = this.times(this.start, this.end);
    if (values) this.mark(this.chosen, "move", ...values);
  }

  add() {
    const values = this.times(this.from, this.to);
    if (!values) return;
    this.change((own) => { own.added.push([this.label.value, ...values]); });
    const s = this.draw(this.label.value, ...values);
    this.timeline.order();
    this.timeline.choose(s);
    this.count();
  }

  acceptOthers() {
    for (const s of this.timeline.shown()) if (s.what === "predicted" && !s.mark) this.mark(s, "accept");
  }

  key(event, s) {
    if (event.ctrlKey || event.metaKey || event.altKey || s.what === "true") return false;
    const what = { a: "accept", w: "wrong", u: null, m: "move" }[event.key.toLowerCase()];
    if (what === undefined || (s.what === "added" && (what === "accept" || what === "wrong"))) return false;
    event.preventDefault();
    if (what === "move") {
      this.timeline.choose(s);
      this.start.focus();
    } else this.mark(s, what);
    return true;
  }

  count() {
    const shown = this.timeline.shown().filter((s) => s.what === "predicted");
    const marked = shown.filter((s) => s.mark).length, { added, done } = marks.of(this.index);
    this.tally.textContent = `${marked} of ${shown.length} marked${added.length ? `, ${added.length} added` : ""}`;
    this.done.checked = done;
  }
}
