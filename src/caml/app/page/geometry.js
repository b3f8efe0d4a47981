// Outlines of clusters: where they are, which is under the pointer, and drawing those in sight.

const CELLS = 200;

export class Clusters {
  constructor(message) {
    this.columns = message.columns;
    this.n = message.n_clusters;
    this.arrays = message.arrays;
    this.origin = message.origin;
    this.regions = message.regions;
    this.shown = new Uint8Array(this.n).fill(1);
    this.nShown = this.n;
    this.measureBoxes();
    this.sortIntoCells();
  }

  measureBoxes() {
    const { corners, ring_start: start, ring_row: row } = this.arrays;
    const boxes = new Float32Array(4 * this.n);
    for (let i = 0; i < this.n; i += 1) boxes.set([Infinity, Infinity, -Infinity, -Infinity], 4 * i);
    // Rings of a cluster follow each other.
    this.firstRing = new Int32Array(this.n + 1);
    for (let ring = 0; ring < row.length; ring += 1) {
      this.firstRing[row[ring] + 1] = ring + 1;
      const at = 4 * row[ring];
      for (let i = start[ring]; i < start[ring + 1]; i += 1) {
        const x = corners[2 * i];
        const y = corners[2 * i + 1];
        if (x < boxes[at]) boxes[at] = x;
        if (y < boxes[at + 1]) boxes[at + 1] = y;
        if (x > boxes[at + 2]) boxes[at + 2] = x;
        if (y > boxes[at + 3]) boxes[at + 3] = y;
      }
    }
    for (let i = 0; i < this.n; i += 1) {
      this.firstRing[i + 1] = Math.max(this.firstRing[i + 1], this.firstRing[i]);
    }
    this.boxes = boxes;
  }

  // A grid of lists: what is under the pointer is found among a few.
  sortIntoCells() {
    const { boxes, n } = this;
    this.width = 1;
    this.height = 1;
    for (let i = 0; i < n; i += 1) {
      if (boxes[4 * i + 2] > this.width) this.width = boxes[4 * i + 2];
      if (boxes[4 * i + 3] > this.height) this.height = boxes[4 * i + 3];
    }
    const counts = new Int32Array(CELLS * CELLS + 1);
    const each = (visit) => {
      for (let i = 0; i < n; i += 1) {
        if (!(boxes[4 * i] <= boxes[4 * i + 2])) continue;
        const [left, top, right, bottom] = this.cellsOf(boxes.subarray(4 * i, 4 * i + 4));
        for (let y = top; y <= bottom; y += 1) {
          for (let x = left; x <= right; x += 1) visit(y * CELLS + x, i);
        }
      }
    };
    each((cell) => { counts[cell + 1] += 1; });
    for (let i = 0; i < CELLS * CELLS; i += 1) counts[i + 1] += counts[i];
    this.cellStart = counts.slice();
    this.inCell = new Int32Array(counts[CELLS * CELLS]);
    each((cell, i) => { this.inCell[counts[cell]] = i; counts[cell] += 1; });
  }

  cellsOf([x0, y0, x1, y1]) {
    const place = (value, size) =>
      Math.max(0, Math.min(CELLS - 1, Math.floor((value / size) * CELLS)));
    return [place(x0, this.width), place(y0, this.height), place(x1, this.width),
      place(y1, this.height)];
  }

  // The row of the cluster at a place in nm; -1 where there is none.
  at(x, y) {
    const px = x - this.origin[0];
    const py = y - this.origin[1];
    const [cx, cy] = this.cellsOf([px, py, px, py]);
    const cell = cy * CELLS + cx;
    for (let k = this.cellStart[cell]; k < this.cellStart[cell + 1]; k += 1) {
      const i = this.inCell[k];
      const b = 4 * i;
      if (this.shown[i] && px >= this.boxes[b] && px <= this.boxes[b + 2]
        && py >= this.boxes[b + 1] && py <= this.boxes[b + 3] && this.contains(i, px, py)) return i;
    }
    return -1;
  }

  contains(i, x, y) {
    const { corners, ring_start: start } = this.arrays;
    let inside = false;
    for (let ring = this.firstRing[i]; ring < this.firstRing[i + 1]; ring += 1) {
      let j = start[ring + 1] - 1;
      for (let k = start[ring]; k < start[ring + 1]; j = k, k += 1) {
        const yk = corners[2 * k + 1];
        const yj = corners[2 * j + 1];
        if (yk > y !== yj > y) {
          const xk = corners[2 * k];
          if (x < ((corners[2 * j] - xk) * (y - yk)) / (yj - yk) + xk) inside = !inside;
        }
      }
    }
    return inside;
  }

  centre(i) {
    const b = 4 * i;
    return [this.origin[0] + (this.boxes[b] + this.boxes[b + 2]) / 2,
      this.origin[1] + (this.boxes[b + 1] + this.boxes[b + 3]) / 2];
  }

  size(i) {
    const b = 4 * i;
    return Math.max(this.boxes[b + 2] - this.boxes[b], this.boxes[b + 3] - this.boxes[b + 1]);
  }

  // Only what lies in ranges of measures: { area_nm2: [low, high], … }.
  filter(ranges) {
    this.shown.fill(1);
    for (const [name, [low, high]] of Object.entries(ranges)) {
      const values = this.arrays[name];
      for (let i = 0; i < this.n; i += 1) {
        if (values[i] < low || values[i] > high) this.shown[i] = 0;
      }
    }
    this.nShown = this.shown.reduce((sum, one) => sum + one, 0);
  }

  // Adds the outline of one cluster to the path.
  trace(context, i, toX, toY, scale, step = 1) {
    const { corners, ring_start: start } = this.arrays;
    for (let ring = this.firstRing[i]; ring < this.firstRing[i + 1]; ring += 1) {
      const first = start[ring];
      const last = start[ring + 1];
      context.moveTo(toX + corners[2 * first] / scale, toY + corners[2 * first + 1] / scale);
      for (let k = first + step; k < last; k += step) {
        context.lineTo(toX + corners[2 * k] / scale, toY + corners[2 * k + 1] / scale);
      }
      context.closePath();
    }
  }

  // All outlines in sight, but for those of less than two pixels.
  draw(context, view, colour, faint) {
    const { boxes, shown, n } = this;
    const { scale } = view;
    const [left, top, right, bottom] = view.box();
    const x0 = left - this.origin[0];
    const y0 = top - this.origin[1];
    const x1 = right - this.origin[0];
    const y1 = bottom - this.origin[1];
    const toX = -x0 / scale;
    const toY = -y0 / scale;
    const small = 2 * scale;
    const medium = 14 * scale;
    context.lineWidth = scale < 12 ? 1.4 : 1;
    for (const state of this.nShown < n ? [0, 1] : [1]) {
      context.globalAlpha = state ? 1 : 0.35;
      context.strokeStyle = state ? colour : faint;
      context.beginPath();
      for (let i = 0, b = 0; i < n; i += 1, b += 4) {
        if (shown[i] !== state) continue;
        if (boxes[b] > x1 || boxes[b + 2] < x0 || boxes[b + 1] > y1 || boxes[b + 3] < y0) continue;
        const size = boxes[b + 2] - boxes[b];
        if (size < small) continue;
        this.trace(context, i, toX, toY, scale, size < medium ? 2 : 1);
      }
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  mark(context, view, i, colour, width) {
    const [left, top] = view.box();
    context.beginPath();
    this.trace(context, i, (this.origin[0] - left) / view.scale, (this.origin[1] - top) / view.scale,
      view.scale);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
    context.globalAlpha = 0.18;
    context.fillStyle = colour;
    context.fill("evenodd");
    context.globalAlpha = 1;
    // What is too small to be seen is pointed at.
    if (this.size(i) < 9 * view.scale) {
      const [x, y] = view.toScreen(...this.centre(i));
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
