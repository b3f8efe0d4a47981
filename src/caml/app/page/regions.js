// Regions on an image: drawing those that are there, and changing them by hand.

const REACH = { touch: 20, pen: 12, mouse: 8 };
const TAG = [20, 17];
// A polygon with more corners is moved as a whole.
const MOST_HANDLES = 300;

// A rectangle is two corners that face each other.
function outlineOf({ kind, corners }) {
  if (kind !== "rectangle") return corners;
  const [[x0, y0], [x1, y1]] = corners;
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.max(0, Math.min(1, along));
  return Math.hypot(x - ax - share * dx, y - ay - share * dy);
}

function contains(points, [x, y]) {
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [points[i], points[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// The same for outlines that are the same, wherever they begin and whichever way they go.
const keys = new WeakMap();

function keyOf(corners, outline = corners) {
  if (!keys.has(corners)) {
    const rounded = outline.map(([x, y]) => `${Math.round(100 * x)},${Math.round(100 * y)}`);
    keys.set(corners, [...new Set(rounded)].sort().join(" "));
  }
  return keys.get(corners);
}

export class Regions {
  constructor(view, hooks) {
    this.view = view;
    this.hooks = hooks;
    this.near = null;
    this.held = null;
    this.changed = null;
  }

  // As they are, but for one that is being changed.
  get all() {
    const { changed, held } = this;
    const regions = this.hooks.regions();
    return changed ? regions.map((one, i) => (i === held.i ? { ...one, corners: changed } : one))
      : regions;
  }

  // Which of them the analysis that is shown was not made of, and what it was made of that is not
  // among them.
  against() {
    const rings = this.hooks.analysed();
    const own = this.all.map((region) => keyOf(region.corners, outlineOf(region)));
    const made = new Set((rings ?? []).map((ring) => keyOf(ring)));
    const isOther = own.map((key) => Boolean(rings) && !made.has(key));
    const today = new Set(own);
    return { isOther, gone: (rings ?? []).filter((ring) => !today.has(keyOf(ring))) };
  }

  onScreen(region) {
    return outlineOf(region).map((corner) => this.view.toScreen(...corner));
  }

  // Where the numbers stand: at the upper left, later ones beside what is there already, as far as
  // one can still tell whose they are.
  tags() {
    const placed = [];
    for (const { corners } of this.all) {
      const [x, y] = boxOf(corners);
      let [left, top] = this.view.toScreen(x, y);
      const isTaken = ([x0, y0]) => Math.abs(x0 - left) < TAG[0] - 6 && Math.abs(y0 - top) < 12;
      for (let k = 0; k < 4 && placed.some(isTaken); k += 1) left += TAG[0];
      placed.push([left, top]);
    }
    return placed;
  }

  // Which part of which region is at a place of the screen; the last drawn lies on top.
  find(at, type = "mouse", anywhere = false) {
    const reach = REACH[type] ?? REACH.mouse;
    const { all } = this;
    const tags = this.tags();
    for (let i = all.length - 1; i >= 0; i -= 1) {
      const [x0, y0, x1, y1] = boxOf(all[i].corners);
      const [[left, top], [right, bottom]] = [this.view.toScreen(x0, y0), this.view.toScreen(x1, y1)];
      const [x, y] = at;
      if (x < left - reach || x > Math.max(right + reach, tags[i][0] + TAG[0]) || y < top - reach - TAG[1]
        || y > bottom + reach) continue;
      const part = this.partAt(all[i], this.onScreen(all[i]), at, reach, tags[i], anywhere);
      if (part) return { i, ...part };
    }
    return null;
  }

  partAt({ kind }, points, at, reach, [left, top], anywhere) {
    const k = points.length > MOST_HANDLES ? -1
      : points.findIndex(([x, y]) => Math.hypot(x - at[0], y - at[1]) <= reach);
    if (k >= 0) {
      return { part: "corner", k, cursor: kind !== "rectangle" ? "move"
        : this.cursorOf(points, k) };
    }
    if (at[0] >= left && at[0] <= left + TAG[0] && at[1] >= top - TAG[1] - 2 && at[1] <= top) {
      return { part: "whole", cursor: "move" };
    }
    const edge = points.findIndex((one, j) =>
      distance(at, one, points[(j + 1) % points.length]) <= reach);
    if (edge >= 0 && kind === "rectangle") {
      return { part: "edge", k: edge, cursor: edge % 2 ? "ew-resize" : "ns-resize" };
    }
    if (anywhere && contains(points, at)) return { part: "whole", cursor: "move" };
    // Near its outline a polygon shows its corners.
    return edge >= 0 ? { part: null, cursor: "" } : null;
  }

  cursorOf(points, k) {
    const [[x, y], [ox, oy]] = [points[k], points[(k + 2) % 4]];
    return x < ox === y < oy ? "nwse-resize" : "nesw-resize";
  }

  hover(at, type, anywhere) {
    const before = this.near;
    this.near = at && this.find(at, type, anywhere);
    this.view.canvas.style.cursor = this.near?.cursor ?? "";
    if (this.near?.i !== before?.i) this.view.paint();
    return Boolean(this.near?.part);
  }

  grab(at, type, anywhere) {
    const found = this.find(at, type, anywhere);
    if (!found?.part) return false;
    const { corners, kind } = this.all[found.i];
    this.held = { ...found, kind, corners, from: this.view.toNm(...at) };
    return true;
  }

  drag(at) {
    const { held } = this;
    const [x, y] = this.view.toNm(...at);
    const [dx, dy] = [x - held.from[0], y - held.from[1]];
    let corners = held.corners.map((corner) => [...corner]);
    if (held.part === "whole") corners = corners.map(([cx, cy]) => [cx + dx, cy + dy]);
    else if (held.kind !== "rectangle") corners[held.k] = [x, y];
    else {
      // Corners 0 to 3 and the edges after them take x of one of the two that are kept, and y.
      const { k, part } = held;
      if (part === "corner" || k % 2) corners[k === 1 || k === 2 ? 1 : 0][0] += dx;
      if (part === "corner" || !(k % 2)) corners[k === 2 || k === 3 ? 1 : 0][1] += dy;
    }
    this.changed = corners;
    this.view.paint();
  }

  release(moved) {
    const { held, changed } = this;
    this.putBack();
    if (moved && changed && !this.isFlat(held, changed)) this.hooks.onChanged(held.i, changed);
  }

  // An edge on the opposite one is no rectangle: it is let go of as one that was not dragged.
  isFlat({ kind, part }, corners) {
    if (kind !== "rectangle" || part === "whole") return false;
    const [[x0, y0], [x1, y1]] = corners;
    return Math.min(Math.abs(x1 - x0), Math.abs(y1 - y0)) < this.view.scale;
  }

  putBack() {
    this.held = null;
    this.changed = null;
    this.view.paint();
  }

  paint(context, { colour, on, over }) {
    context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    const tags = this.tags();
    const { isOther, gone } = this.against();
    const trace = (points) => {
      context.beginPath();
      points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.stroke();
    };
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    for (const ring of gone) trace(ring.map((corner) => this.view.toScreen(...corner)));
    this.all.forEach((region, i) => {
      const points = this.onScreen(region);
      const chosen = i === this.near?.i || i === this.held?.i;
      context.lineWidth = i === over ? 3 : 1.5;
      context.setLineDash(isOther[i] ? [6, 4] : []);
      trace(points);
      context.setLineDash([]);
      const [left, top] = tags[i];
      context.fillStyle = colour;
      if (chosen) {
        context.fillRect(left, top - TAG[1] - 2, ...TAG);
        if (points.length <= MOST_HANDLES) {
          for (const [x, y] of points) context.fillRect(x - 4, y - 4, 8, 8);
        }
        context.fillStyle = on;
      }
      context.fillText(String(i + 1), left + (chosen ? 5 : 1), top - (chosen ? 6 : 4));
    });
  }
}

// Of drawings by programs, corners are many, and the pointer moves often.
const boxes = new WeakMap();

function boxOf(corners) {
  if (!boxes.has(corners)) boxes.set(corners, extent(corners));
  return boxes.get(corners);
}

function extent(points) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return [left, top, right, bottom];
}
