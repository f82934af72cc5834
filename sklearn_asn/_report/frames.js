"use strict";
// Frames: a picture of the video at the middle of its segments. One file at a time is read.

const frames = {
  MOST: 10,  // of a video
  WIDE: 144,
  queue: [],
  busy: false,

  ask(timeline) {
    if (!timeline.video.url || timeline.frames || this.queue.includes(timeline)) return;
    this.queue.push(timeline);
    this.next();
  },

  async next() {
    if (this.busy || !this.queue.length) return;
    this.busy = true;
    const timeline = this.queue.shift();
    timeline.frames = new Strip(timeline);
    try { await timeline.frames.fill(); } catch { timeline.frames.node.remove(); }
    this.busy = false;
    this.next();
  },
};

class Strip {
  constructor(timeline) {
    this.timeline = timeline;
    this.node = make("div", { class: "frames", hidden: "" });
    timeline.readout.before(this.node);
  }

  chosen() {  // those with the best scores, by time; the true ones where nothing was found
    const kinds = ["predicted", "true"].map((what) => this.timeline.shown().filter((s) => s.what === what));
    const best = (kinds[0].length ? kinds[0] : kinds[1]).sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
    return best.slice(0, frames.MOST).sort((a, b) => a.start - b.start);
  }

  async fill() {
    const player = make("video", { preload: "auto", playsinline: "" });
    player.muted = true;
    const wait = (name) => new Promise((resolve, reject) => {
      player.addEventListener(name, resolve, { once: true });
      player.addEventListener("error", reject, { once: true });
      setTimeout(reject, 15000);
    });
    const ready = wait("loadeddata");
    player.src = this.timeline.video.url;
    try {
      await ready;
      if (!player.videoWidth) throw new Error("sound only");
      this.pictures = [];
      for (const s of this.chosen()) {
        const there = wait("seeked");
        player.currentTime = clamp((s.start + s.end) / 2, 0, Math.max(player.duration - 0.05, 0));
        await there;
        this.add(s, player);
      }
    } finally {
      player.removeAttribute("src");
      player.load();
    }
  }

  add(s, player) {
    const high = Math.round(frames.WIDE * player.videoHeight / player.videoWidth);
    const canvas = make("canvas", { width: 2 * frames.WIDE, height: 2 * high, "aria-hidden": "true" });
    canvas.getContext("2d").drawImage(player, 0, 0, canvas.width, canvas.height);
    const at = round((s.start + s.end) / 2, 1);
    const node = make("button", { type: "button", class: `frame k${data.labels.indexOf(s.name) % 8}`, "aria-label": `frame of ${s.text}`, title: s.text },
      canvas, make("span", {}, make("bdi", {}, s.name), ` ${at} s`));
    node.addEventListener("click", () => this.timeline.choose(s));
    this.pictures.push([s, node]);
    this.node.hidden = false;
    this.node.append(node);
    node.hidden = s.node.hidden;
  }

  limit() { for (const [s, node] of this.pictures ?? []) node.hidden = s.node.hidden; }
}
