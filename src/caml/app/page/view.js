// One image: pixels from the server, moved at once and redrawn when they come, and what lies on it.

import { ask } from "./api.js";
import { length } from "./words.js";

const DARK_LAYERS = ["density", "channels"];
// More pixels than this of a picture are not asked for; the screen enlarges them.
const MOST_PIXELS = 2_200_000;

export class View {
  constructor(canvas, hooks) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.hooks = hooks;
    this.image = null;
    this.run = null;
    this.clusters = null;
    this.look = { layer: "density", gamma: 0.4, blur: 0, outlines: true };
    this.hovered = -1;
    this.chosen = -1;
    this.scale = 1;
    this.centre = [0, 0];
    this.base = null;
    this.fresh = null;
    this.wanted = 0;
    this.drawnCount = 0;
    this.redrawMs = [];
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  // On whole pixels of the screen, wherever what it is in begins and ends: between two, dots would
  // smear. Of one size where two stand side by side, so that the same looks the same in both.
  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [columns, rows] = [box.width, box.height].map((one) => Math.floor(one * ratio + 0.01));
    if (!columns || !rows) return;
    const [left, top] = [box.left, box.top].map((one) => Math.round(one * ratio) / ratio - one);
    // What was all in sight stays so, whatever becomes of the window.
    const whole = !this.width || this.isWhole;
    this.ratio = ratio;
    this.width = columns / ratio;
    this.height = rows / ratio;
    Object.assign(this.canvas, { width: columns, height: rows });
    Object.assign(this.canvas.style, { left: `${left}px`, top: `${top}px`,
      width: `${this.width}px`, height: `${this.height}px` });
    if (whole && this.image) this.fit();
    this.ask();
    this.paint();
  }

  show(image, run, clusters) {
    const other = this.image?.id !== image?.id;
    this.image = image;
    this.run = run;
    this.clusters = clusters;
    this.hovered = -1;
    this.chosen = -1;
    if (other) {
      this.base = null;
      this.fresh = null;
      if (image?.box) this.fit();
    }
    this.refresh();
  }

  setLook(change) {
    Object.assign(this.look, change);
    this.refresh();
  }

  // What is drawn is not what is asked for any more.
  refresh() {
    this.stale = true;
    this.ask();
    this.paint();
  }

  box() {
    const halfX = (this.width * this.scale) / 2;
    const halfY = (this.height * this.scale) / 2;
    const [x, y] = this.centre;
    return [x - halfX, y - halfY, x + halfX, y + halfY];
  }

  toScreen(x, y) {
    return [(x - this.centre[0]) / this.scale + this.width / 2,
      (y - this.centre[1]) / this.scale + this.height / 2];
  }

  toNm(x, y) {
    return [(x - this.width / 2) * this.scale + this.centre[0],
      (y - this.height / 2) * this.scale + this.centre[1]];
  }

  // Where all of the image is in sight: the centre and the scale.
  get whole() {
    const [x0, y0, x1, y1] = this.image.box;
    return { centre: [(x0 + x1) / 2, (y0 + y1) / 2],
      scale: Math.max((x1 - x0) / this.width, (y1 - y0) / this.height) };
  }

  get isWhole() {
    if (!this.image?.box) return false;
    const { centre: [x, y], scale } = this.whole;
    return scale === this.scale && x === this.centre[0] && y === this.centre[1];
  }

  fit() {
    if (!this.image?.box || !this.width) return;
    Object.assign(this, this.whole);
    this.moved();
  }

  pan(dx, dy) {
    this.centre = [this.centre[0] - dx * this.scale, this.centre[1] - dy * this.scale];
    this.moved();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.image?.box) return;
    const [nmX, nmY] = this.toNm(x, y);
    const widest = 4 * Math.max((this.image.box[2] - this.image.box[0]) / this.width,
      (this.image.box[3] - this.image.box[1]) / this.height);
    this.scale = Math.min(Math.max(this.scale * factor, 0.05), widest);
    this.centre = [nmX - (x - this.width / 2) * this.scale, nmY - (y - this.height / 2) * this.scale];
    this.moved();
  }

  goTo(x, y, size) {
    const [left, top, right, bottom] = this.box();
    const outside = x < left || x > right || y < top || y > bottom;
    if (outside || size / this.scale < 24 || size / this.scale > this.width) {
      this.centre = [x, y];
      this.scale = Math.max((size * 8) / Math.min(this.width, this.height), 0.2);
      this.moved();
    }
    this.paint();
  }

  moved() {
    this.hooks.onMove?.(this);
    this.ask();
    this.paint();
  }

  get isDark() {
    return DARK_LAYERS.includes(this.look.layer);
  }

  address(box, width, height) {
    const { look } = this;
    const query = new URLSearchParams({
      box: box.join(","), width, height, layer: look.layer, gamma: look.gamma, blur: look.blur,
    });
    if (this.run) query.set("run", this.run.id);
    for (const [name, range] of Object.entries(this.hooks.ranges?.(this) ?? {})) {
      query.set(`range.${name}`, range.join(","));
    }
    return `images/${this.image.id}/view?${query}`;
  }

  // One request at a time; what was asked for meanwhile is asked when it is answered.
  async ask() {
    this.wanted += 1;
    if (this.asking || !this.image?.box || !this.width) return;
    this.asking = true;
    try {
      while (this.image?.box && this.answered !== this.wanted) {
        const wanted = this.wanted;
        const { image } = this;
        if (this.stale) {
          this.stale = false;
          this.base = null;
        }
        const start = performance.now();
        const fresh = await this.fetch(this.box(), this.width, this.height);
        this.redrawMs.push(performance.now() - start);
        if (this.redrawMs.length > 50) this.redrawMs.shift();
        this.answered = wanted;
        if (image !== this.image && image.id !== this.image?.id) continue;
        if (this.stale) continue;
        this.fresh = fresh;
        this.drawnCount += 1;
        this.paint();
        if (!this.base && this.answered === this.wanted) await this.fetchBase();
      }
    } catch (error) {
      this.answered = this.wanted;
      this.hooks.onError?.(error);
    } finally {
      this.asking = false;
    }
  }

  // The whole image, coarse: what comes into sight is there before the server has drawn it.
  async fetchBase() {
    const [x0, y0, x1, y1] = this.image.box;
    const [cx, cy, half] = [(x0 + x1) / 2, (y0 + y1) / 2, Math.max(x1 - x0, y1 - y0) / 2];
    this.base = await this.fetch([cx - half, cy - half, cx + half, cy + half], 800, 800, 1);
  }

  async fetch(box, width, height, ratio = this.ratio) {
    const detail = Math.min(ratio, Math.sqrt(MOST_PIXELS / (width * height)));
    const columns = Math.max(1, Math.round(width * detail));
    const rows = Math.max(1, Math.round(height * detail));
    const buffer = await ask(this.address(box, columns, rows), { raw: true });
    const pixels = new ImageData(new Uint8ClampedArray(buffer), columns, rows);
    return { box, bitmap: await createImageBitmap(pixels) };
  }

  paint() {
    if (this.painting) return;
    this.painting = true;
    requestAnimationFrame(() => {
      this.painting = false;
      this.paintNow();
    });
  }

  paintNow() {
    if (!this.width) return;
    const { context: c } = this;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.fillStyle = this.isDark && this.image?.box ? "#000" : colour("--canvas");
    c.fillRect(0, 0, this.width, this.height);
    if (!this.image?.box) return;
    c.imageSmoothingEnabled = false;
    const place = ({ box: [x0, y0, x1, y1] }) =>
      [...this.toScreen(x0, y0), (x1 - x0) / this.scale, (y1 - y0) / this.scale];
    if (this.base) {
      c.save();
      if (this.fresh) {
        c.beginPath();
        c.rect(0, 0, this.width, this.height);
        c.rect(...place(this.fresh));
        c.clip("evenodd");
      }
      c.drawImage(this.base.bitmap, ...place(this.base));
      c.restore();
    }
    if (this.fresh) c.drawImage(this.fresh.bitmap, ...place(this.fresh));
    const light = this.isDark || document.documentElement.dataset.theme === "dark";
    const ink = light ? "#eef2f5" : "#1a1a1a";
    const lines = this.look.layer === "density" ? "#6fd3ff" : ink;
    if (this.clusters && this.look.outlines) {
      this.clusters.draw(c, this, lines, light ? "#8a939c" : "#9aa2aa");
    }
    const accent = this.isDark ? "#ffffff" : colour("--accent");
    if (this.clusters && this.chosen >= 0) this.clusters.mark(c, this, this.chosen, accent, 2.5);
    if (this.clusters && this.hovered >= 0 && this.hovered !== this.chosen) {
      this.clusters.mark(c, this, this.hovered, accent, 1.8);
    }
    this.hooks.onPaint?.(c, light);
    this.paintScaleBar(c, ink, light);
  }

  paintScaleBar(c, ink, light) {
    const most = (this.width / 5) * this.scale;
    const decade = 10 ** Math.floor(Math.log10(most));
    const nm = decade * [5, 2, 1].find((step) => step * decade <= most);
    const long = nm / this.scale;
    const text = length(nm);
    c.font = "600 12px system-ui, 'DejaVu Sans', sans-serif";
    const wide = Math.max(long, c.measureText(text).width);
    const y = this.height - 16;
    c.fillStyle = light ? "rgb(0 0 0 / 55%)" : "rgb(255 255 255 / 80%)";
    c.fillRect(8, y - 20, wide + 16, 30);
    c.fillStyle = ink;
    c.fillRect(16, y, long, 4);
    c.fillText(text, 16, y - 6);
  }
}
