"use strict";
// What the page shows, small helpers, and curves. Text goes in as text nodes, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

// ------------------------------------------------------------------ small helpers

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);  // strings become text, never markup
  return node;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function round(value, digits = 3) {
  return String(Number(value.toFixed(digits)));
}

function clock(seconds) {
  const sign = seconds < 0 ? "-" : "", whole = Math.floor(Math.abs(seconds) + 1e-9);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((v) => String(v).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return sign + (hours ? `${hours}:` : "") + parts.join(":");
}

function time(value) {
  if (data.unit !== "s") return `clip ${round(value, 1)}`;
  return Math.abs(value) < 120 ? `${round(value, 2)} s` : `${round(value, 2)} s (${clock(value)})`;
}

const interval = (s) => (data.unit === "s"
  ? `${round(s.start, 2)} to ${round(s.end, 2)} s` : `clips ${round(s.start, 2)} to ${round(s.end, 2)}`);

// ------------------------------------------------------------------ curves

function decode(text, low, high) {
  const bytes = atob(text);
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) =>
    low + (high - low) * (bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1)) / 65535);
}

class Curve {  // of each column, the minimum and maximum of its clips
  constructor([bottom, top, low, high], video) {
    Object.assign(this, { bottom, top, video, low: decode(low, bottom, top) });
    this.high = high ? decode(high, bottom, top) : this.low;
    this.size = this.low.length;
  }

  border(column) {  // from 0 to 1
    const { n, start, end, step } = this.video;
    const at = start + Math.floor(column * n / this.size) * step;
    return column === this.size ? 1 : clamp((at - start) / (end - start), 0, 1);
  }

  column(clip) { return Math.floor(((clip + 1) * this.size - 1) / this.video.n); }

  text(clip) {
    const j = this.column(clip), low = this.low[j], high = this.high[j];
    return round(high - low) === "0" ? round(high) : `${round(low)} to ${round(high)}`;
  }

  steps(values, y) {
    let path = "";
    for (let j = 0; j < this.size; j += 1) {
      path += `${j ? "V" : "M0 "}${y(values[j])}H${(1000 * this.border(j + 1)).toFixed(1)}`;
    }
    return path;
  }

  between(values, other, y) {  // closed: one way along values, back along the other
    let path = this.steps(values, y);
    for (let j = this.size - 1; j >= 0; j -= 1) {
      path += `V${y(other[j])}H${(1000 * this.border(j)).toFixed(1)}`;
    }
    return `${path}Z`;
  }

  draw(kind, bottom, top, base, threshold = null) {
    const scale = 92 / ((top - bottom) || 1);
    const y = (value) => (96 - (value - bottom) * scale).toFixed(1);
    const svg = document.createElementNS(SVG, "svg");
    const add = (name, d) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      path.setAttribute("d", d);
      svg.append(path);
    };
    const above = this.high.map((v) => Math.max(v, base));
    svg.setAttribute("viewBox", "0 0 1000 100");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    add(`${threshold === null ? "area" : "band"} ${kind}`, this.between(above, above.map(() => base), y));
    if (this.high !== this.low) add(`band ${kind}`, this.between(this.high, this.low, y));
    add(`line ${kind}`, this.steps(this.high, y));
    if (threshold !== null) add("threshold", `M0 ${y(threshold)}H1000`);
    return svg;
  }
}
