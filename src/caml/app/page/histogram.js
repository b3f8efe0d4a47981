// A histogram with a logarithmic axis, whose range can be dragged or typed.

import { element, number } from "./words.js";

const BINS = 44;
let made = 0;

// What was typed as a number, or why it is none. Commas only group thousands: of 0,5 nobody could
// tell whether it is a half or five.
function numberOf(text) {
  const plain = text.replaceAll(/\s/g, "");
  if (/^[-+]?\d+,\d+$/.test(plain) && !/^[-+]?\d{1,3},\d{3}$/.test(plain)) {
    return { fault: `“${text}”: write ${plain.replace(",", ".")} with a point.` };
  }
  const value = Number(plain.replaceAll(",", ""));
  return plain && Number.isFinite(value) ? { value } : { fault: `“${text}” is not a number.` };
}

export class Histogram {
  constructor(title, values, range, onRange) {
    this.onRange = onRange;
    const known = values.filter((one) => one > 0);
    this.low = known.length ? known.reduce((a, b) => Math.min(a, b)) : 1;
    this.high = known.length ? known.reduce((a, b) => Math.max(a, b)) : 10;
    if (this.high <= this.low) this.high = this.low * 10;
    this.bin(known);
    this.range = range ? [...range] : [this.low, this.high];
    const field = (which, text) => element("input", { type: "text", inputmode: "decimal",
      "aria-label": `${title}, ${text}`, onchange: (event) => this.typed(which, event.target),
      onkeydown: (event) => { if (event.key === "Escape") this.write(); } });
    this.inputs = [field(0, "at least"), field(1, "at most")];
    this.canvas = element("canvas", { "aria-hidden": "true" });
    made += 1;
    this.fault = element("p", { class: "bad", role: "alert", id: `histogram-fault-${made}` });
    this.element = element("div", { class: "histogram" }, element("div", { class: "title" },
      element("span", { class: "spring" }, title), this.inputs[0], "–", this.inputs[1]), this.fault,
    this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.grab(event));
    this.canvas.addEventListener("pointermove", (event) => this.held !== undefined
      && this.drag(event));
    this.canvas.addEventListener("pointerup", () => { this.held = undefined; });
    this.canvas.addEventListener("dblclick", () => this.set([this.low, this.high]));
    new ResizeObserver(() => this.paint()).observe(this.canvas);
    this.write();
  }

  // Of whole numbers, edges lie between them: a bin that can hold none would be a gap.
  bin(known) {
    const whole = known.every(Number.isInteger);
    let edges = Array.from({ length: BINS + 1 }, (_, i) => this.value(i / BINS));
    if (whole) {
      this.low = Math.max(0.5, this.low - 0.5);
      this.high += 0.5;
      edges = edges.map((one) => Math.round(one) - 0.5);
      edges[BINS] = this.high;
      edges = edges.filter((one, i) => i === 0 || one > edges[i - 1]);
    }
    this.edges = edges.map((one) => Math.max(0, Math.min(1, this.share(one))));
    this.heights = new Float64Array(this.edges.length - 1);
    for (const one of known) {
      const share = this.share(one);
      let low = 0;
      let high = this.heights.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.edges[middle] <= share) low = middle;
        else high = middle - 1;
      }
      this.heights[low] += 1;
    }
    // By the width of each bin, so that areas are numbers of clusters.
    this.heights = this.heights.map((one, i) => one / (this.edges[i + 1] - this.edges[i]));
    this.whole = whole;
  }

  share(value) {
    return Math.log(value / this.low) / Math.log(this.high / this.low);
  }

  value(share) {
    return this.low * (this.high / this.low) ** Math.max(0, Math.min(1, share));
  }

  grab(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const at = event.offsetX / this.canvas.clientWidth;
    const [a, b] = this.range.map((one) => this.share(one));
    this.held = Math.abs(at - a) < Math.abs(at - b) ? 0 : 1;
    this.drag(event);
  }

  drag(event) {
    const share = event.offsetX / this.canvas.clientWidth;
    // The ends are exact: nothing is hidden there.
    const value = share <= 0.008 ? this.low : share >= 0.992 ? this.high : this.value(share);
    const range = [...this.range];
    range[this.held] = value;
    if (range[0] <= range[1]) this.set(range);
  }

  // What cannot be used stays as it was typed, with the reason beside it, and filters nothing.
  typed(which, input) {
    const text = input.value.trim();
    const range = [...this.range];
    if (text) {
      const { value, fault } = numberOf(text);
      if (fault) return this.refuse(input, fault);
      range[which] = value;
    } else range[which] = [this.low, this.high][which];
    if (range[0] > range[1]) {
      const [end, shown] = which ? ["least", this.shown(0)] : ["most", this.shown(1)];
      return this.refuse(input, `${text} is ${which ? "less" : "more"} than the ${end} to show, `
        + `${number(shown)}.`);
    }
    return this.set(range);
  }

  refuse(input, text) {
    this.fault.textContent = text;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", this.fault.id);
  }

  set(range) {
    this.range = range;
    this.write();
    this.paint();
    const whole = range[0] <= this.low && range[1] >= this.high;
    this.onRange(whole ? null : range);
  }

  // From 2.5 on is from 3 on, of whole numbers.
  shown(i) {
    const value = this.range[i];
    return this.whole ? (i ? Math.floor(value) : Math.ceil(value)) : value;
  }

  write() {
    this.fault.textContent = "";
    this.inputs.forEach((input, i) => {
      input.value = number(this.shown(i));
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    });
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const c = this.canvas.getContext("2d");
    c.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const most = Math.max(...this.heights, 1e-9);
    const [a, b] = this.range.map((one) => Math.max(0, Math.min(1, this.share(one))) * width);
    const bars = (from, to, fill) => {
      c.save();
      c.beginPath();
      c.rect(from, 0, to - from, height);
      c.clip();
      c.fillStyle = fill;
      this.heights.forEach((one, i) => {
        const tall = one ? Math.max(1.5, (one / most) * (height - 6)) : 0;
        const [left, right] = [this.edges[i] * width, this.edges[i + 1] * width];
        c.fillRect(left, height - 1 - tall, Math.max(1, right - left - 1), tall);
      });
      c.restore();
    };
    bars(0, width, colour("--bar"));
    bars(a, b, colour("--accent"));
    c.fillStyle = colour("--line");
    c.fillRect(0, height - 1, width, 1);
    c.fillStyle = colour("--accent");
    for (const x of [a, b]) {
      const left = Math.max(0, Math.min(width - 2, x - 1));
      c.fillRect(left, 0, 2, height);
      c.fillRect(Math.max(0, Math.min(width - 6, x - 3)), 0, 6, 9);
    }
  }
}
