"use strict";
// One video: attention, CAS and segments on one time axis, drawn when it comes into view.

class Timeline {
  constructor(video, index) {
    Object.assign(this, { video, index, segments: [], chosen: null, drawn: false, added: new Map() });
    this.node = make("section", { class: "video", id: `video-${index}`, tabindex: "-1" });
    this.node.style.minHeight = `${8 + 5 * video.rows.length}rem`;
    this.node.timeline = this;
  }

  head() {
    if (this.title) return;
    const { video, index } = this, count = video.found;
    const length = data.unit === "s" ? time(video.end - video.start) : `${video.n} clips`;
    this.title = make("h3", { id: `title-${index}` }, video.id,
      make("span", {}, `${length}, ${count.toLocaleString("en")} segment${count === 1 ? "" : "s"}`));
    if (video.url) {
      this.title.append(make("a", { href: video.url, target: "_blank", rel: "noreferrer noopener" }, "video file"));
    }
    this.node.setAttribute("aria-labelledby", `title-${index}`);
    this.node.append(this.title);
  }

  draw() {
    if (this.drawn) return;
    this.drawn = true;
    this.head();
    const { video } = this;
    this.plot = make("div", { class: "plot" });
    this.values = [];
    const attention = new Curve(video.a, video), limit = data.threshold;
    const low = limit === null ? attention.bottom : Math.min(attention.bottom, limit);
    const high = limit === null ? attention.top : Math.max(attention.top, limit);
    const track = this.row("attention", limit === null ? "" : `threshold ${round(limit)}`, attention);
    track.classList.add("attention");
    track.append(attention.draw("attention", low, high, limit === null ? low : limit, limit));
    this.slider(track);
    for (const row of video.rows) this.classRow(row);
    this.axis();
    this.cursor = make("div", { class: "cursor", hidden: "" });
    this.over = make("div", { class: "over", "aria-hidden": "true" }, this.cursor);
    this.plot.append(this.over);
    this.readout = make("p", { class: "readout" });
    this.correcting = new Correcting(this);
    this.node.append(this.plot, this.readout, this.correcting.node);
    if (video.more) this.node.append(make("p", { class: "note" }, video.more));
    this.order();
    this.limit();
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerdown", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.rest());
    this.plot.addEventListener("click", (event) => {
      const t = this.at(event);
      if (video.url && t !== null && !event.target.closest(".seg")) this.play({ start: t, end: Infinity });
    });
    this.node.addEventListener("keydown", (event) => { if (event.key === "Escape") this.clear(); });
    this.node.style.minHeight = "";
  }

  order() {
    this.segments.sort((a, b) => a.start - b.start || a.end - b.end);
    if (this.segments.length && !this.segments.some((s) => s.node.tabIndex === 0)) this.segments[0].node.tabIndex = 0;
  }

  limit() {  // hide what scores too low
    for (const s of this.segments) s.node.hidden = s.what === "predicted" && s.score !== null && s.score < operating.least;
    const shown = this.shown();
    if (shown.length && !shown.some((s) => s.node.tabIndex === 0)) this.rove(shown[0]);
    this.correcting.count();
    if (this.frames) this.frames.limit();
  }

  shown() { return this.segments.filter((s) => !s.node.hidden); }

  row(name, of, curve) {
    const value = make("output", { "aria-live": "off" });
    const label = make("div", { class: "name" }, make("bdi", { class: "label" }, name), make("span", { class: "of" }, of), value);
    const track = make("div", { class: "track" });
    this.values.push({ name, curve, value });
    this.bottom ? this.bottom.before(label, track) : this.plot.append(label, track);
    return track;
  }

  classRow(row) {
    const name = data.labels[row.c], kind = `k${row.c % 8}`;
    const curve = row.k ? new Curve(row.k, this.video) : null;
    const track = this.row(name, row.p === undefined ? (row.added ? "added" : "not trained on") : `p ${round(row.p, 2)}`, curve);
    if (curve) {
      const inside = curve.bottom >= 0 && curve.top <= 1;  // probabilities share one scale
      const low = inside ? 0 : Math.min(0, curve.bottom);
      track.append(curve.draw(kind, low, inside ? 1 : Math.max(0, curve.top), 0));
    }
    const groups = [["found", "predicted", row.f]];
    if (data.truth) groups.push(["true", "true", row.t]);
    for (const [style, what, list] of groups) {
      const best = Math.max(...list.map((s) => s[2] ?? 1), 1e-9), lanes = [];
      for (let k = 0; k <= Math.max(0, ...list.map((s) => s[3])); k += 1) {
        lanes.push(make("div", { class: `lane ${style}` }));
      }
      for (const [start, end, score, lane] of list) {
        const s = { start, end, score, name, what, from: { start, end } };
        this.place(s, `seg ${style} ${style === "found" ? kind : ""}`, score === null ? 1 : clamp(score / best, 0.35, 1));
        lanes[lane].append(s.node);
      }
      track.append(...lanes);
    }
    this.added.set(name, track.appendChild(make("div", { class: "lane added", hidden: "" })));
  }

  place(s, style, opacity) {
    s.node = make("button", { type: "button", class: style, tabindex: "-1", "aria-pressed": "false" });
    s.node.style.opacity = opacity;
    this.put(s);
    s.node.addEventListener("click", () => this.choose(s));
    s.node.addEventListener("focus", () => { this.rove(s); this.show((s.start + s.end) / 2, s); });
    s.node.addEventListener("blur", () => this.rest());
    s.node.addEventListener("keydown", (event) => this.move(event, s));
    this.segments.push(s);
  }

  put(s) {  // where it is, and what is said of it
    const { start, end } = this.video, share = (t) => clamp((t - start) / (end - start), 0, 1);
    s.text = `${s.what} ${s.name}, ${interval(s)}${s.score === null ? "" : `, score ${round(s.score)}`}`;
    const spoken = s.mark ? `${s.text}, ${SAID[s.mark]}` : s.text;
    s.node.setAttribute("aria-label", spoken);
    s.node.setAttribute("title", spoken);
    if (s.mark) s.node.dataset.mark = s.mark; else delete s.node.dataset.mark;
    s.node.style.left = `min(${100 * share(s.start)}%, 100% - 4px)`;
    s.node.style.width = `${100 * (share(s.end) - share(s.start))}%`;
  }

  rove(s) { for (const other of this.segments) other.node.tabIndex = other === s ? 0 : -1; }

  move(event, s) {
    if (this.correcting.key(event, s)) return;
    const shown = this.shown(), at = shown.indexOf(s), last = shown.length - 1;
    const to = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    shown[clamp(to, 0, last)].node.focus();
  }

  slider(track) {
    const { video } = this, values = { role: "slider", tabindex: "0", "aria-label": `Time cursor of ${video.id}`, "aria-valuemin": video.start, "aria-valuemax": video.end };
    for (const [name, value] of Object.entries(values)) track.setAttribute(name, value);
    const size = this.values[0].curve.size, step = (video.end - video.start) / size;
    let at = (video.start + video.end) / 2;
    const put = (t) => {
      at = clamp(t, video.start + step / 2, video.end - step / 2);
      this.show(at);
      track.setAttribute("aria-valuenow", round(at));
      track.setAttribute("aria-valuetext", [time(at), ...this.values.map((v) => `${v.name} ${v.value.textContent}`)].join(", "));
    };
    track.setAttribute("aria-valuenow", round(at));
    track.addEventListener("focus", () => put(at));
    track.addEventListener("blur", () => this.rest());
    track.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && video.url) this.play({ start: at, end: Infinity });
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -size, End: size }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      put(at + by * step);
    });
  }

  axis() {
    const { start, end } = this.video, wide = (end - start) / 7, power = 10 ** Math.floor(Math.log10(wide));
    let step = power * [1, 2, 5, 10].find((k) => k * power >= wide);
    if (data.unit === "s" && wide > 20) step = [30, 60, 120, 300, 600, 1200, 1800, 3600].find((k) => k >= wide) ?? step;
    const axis = make("div", { class: "track axis", "aria-hidden": "true" });
    for (let t = Math.ceil(start / step) * step; t <= end - 0.04 * (end - start); t += step) {
      const mark = make("span", {}, data.unit === "s" && step >= 30 ? clock(t) : round(t, 6));
      mark.style.left = `${100 * (t - start) / (end - start)}%`;
      if (t - start < 0.02 * (end - start)) mark.className = "edge";
      axis.append(mark);
    }
    this.bottom = make("div", { class: "name of" }, data.unit === "s" ? "time [s, or m:s]" : "clips");
    this.plot.append(this.bottom, axis);
  }

  at(event) {  // the time under the pointer, or null beside the tracks
    const box = this.over.getBoundingClientRect(), { start, end } = this.video;
    if (event.clientX < box.left || event.clientX > box.right) return null;
    return start + (end - start) * (event.clientX - box.left) / box.width;
  }

  point(event) {
    const t = this.at(event);
    if (t === null) this.rest();
    else this.show(t, this.segments.find((s) => s.node === event.target));
  }

  show(t, s = null) {  // the values at a time; and one segment, or all that cover it
    const { video } = this, share = (t - video.start) / (video.end - video.start);
    const clip = clamp(Math.floor((t - video.start) / video.step), 0, video.n - 1);
    this.cursor.hidden = false;
    this.cursor.style.left = `${100 * clamp(share, 0, 1)}%`;
    for (const { curve, value } of this.values) value.textContent = curve ? curve.text(clip) : "0";
    const covering = s ? [s] : this.shown().filter((other) => other.start <= t && t < other.end);
    const texts = covering.slice(0, 4).map((other) => other.text);
    this.say([time(t), ...texts].join(" · "), s ?? this.chosen);
  }

  say(text, s) {
    this.readout.replaceChildren(make("span", { class: "from" }, text));
    if (!s || !this.video.url) return;
    const href = `${this.video.url}#t=${round(Math.max(s.start, 0))},${round(Math.max(s.end, 0))}`;
    this.readout.append(" ", make("a", { href, target: "_blank", rel: "noreferrer noopener" }, "open the file there"));
  }

  rest() {  // back to what was chosen, or to nothing
    if (this.chosen) { this.show((this.chosen.start + this.chosen.end) / 2, this.chosen); return; }
    this.cursor.hidden = true;
    for (const { value } of this.values) value.textContent = "";
    this.readout.replaceChildren();
  }

  choose(s) {
    for (const other of this.segments) other.node.setAttribute("aria-pressed", String(other === s));
    this.chosen = s;
    this.rove(s);
    this.correcting.choose(s);
    this.show((s.start + s.end) / 2, s);
    if (this.video.url) this.play(s);
  }

  clear() {
    for (const s of this.segments) s.node.setAttribute("aria-pressed", "false");
    this.chosen = null;
    this.correcting.choose(null);
    this.stop = null;
    if (this.player) { this.player.remove(); this.player.removeAttribute("src"); this.player.load(); this.player = null; }
    this.rest();
  }

  play(s) {
    const start = Math.max(s.start, 0);
    this.stop = s.end;
    if (!this.player) {
      const player = make("video", { class: "player", controls: "", playsinline: "", preload: "metadata", "aria-label": `Video ${this.video.id}` });
      player.addEventListener("error", () => {
        if (this.player === player) player.replaceWith(make("p", { class: "note", role: "alert" }, "This browser cannot play the video file here; open it by its link."));
        this.player = null;
      });
      player.addEventListener("timeupdate", () => {
        if (this.stop !== null && player.currentTime >= this.stop) { this.stop = null; player.pause(); }
        if (!player.paused) this.show(player.currentTime);
      });
      this.node.querySelectorAll("p[role=alert]").forEach((note) => note.remove());
      this.plot.before(player);
      this.player = player;
      player.src = `${this.video.url}#t=${round(start)}`;
    }
    this.player.currentTime = start;
    this.player.play().catch(() => {});  // it may be refused, or fail: the controls stay
  }
}
