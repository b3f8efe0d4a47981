// Pointers, wheel and keys on an image: moving, pointing at clusters, drawing and changing regions.

import { Regions } from "./regions.js";

export class Hands {
  constructor(view, hooks) {
    this.view = view;
    this.hooks = hooks;
    this.tool = null;
    this.corners = [];
    this.pointer = null;
    this.fingers = new Map();
    this.regions = new Regions(view, hooks);
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.lost(event));
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("dblclick", () => this.finish());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  use(tool) {
    this.tool = tool;
    this.corners = [];
    this.regions.hover(null);
    this.view.canvas.classList.toggle("drawing", Boolean(tool));
    this.view.paint();
  }

  place(event) {
    const box = this.view.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (event.button > 1 || !this.view.image?.box) return;
    this.view.canvas.setPointerCapture(event.pointerId);
    this.hooks.onActive();
    const [x, y] = this.place(event);
    this.fingers.set(event.pointerId, [x, y]);
    if (this.fingers.size > 1) {
      this.pinch();
      return;
    }
    this.start = { x, y, lastX: x, lastY: y, moved: false };
    if (!this.tool && event.button === 0) this.regions.grab([x, y], event.pointerType, event.shiftKey);
    if (this.tool === "rectangle" && event.button === 0) {
      this.corners = [this.view.toNm(x, y), this.view.toNm(x, y)];
    }
  }

  move(event) {
    const [x, y] = this.place(event);
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, [x, y]);
    if (this.between) {
      this.spread();
      return;
    }
    this.pointer = this.view.toNm(x, y);
    this.hooks.onWhere(this.pointer);
    if (this.start) {
      const { start } = this;
      start.moved ||= Math.hypot(x - start.x, y - start.y) > 4;
      if (this.tool === "rectangle") {
        this.corners[1] = this.pointer;
        this.view.paint();
      } else if (this.regions.held) {
        if (start.moved) this.regions.drag([x, y]);
      } else if (start.moved) {
        this.view.canvas.classList.add("dragging");
        this.hooks.onHover(-1, event);
        this.view.pan(x - start.lastX, y - start.lastY);
      }
      start.lastX = x;
      start.lastY = y;
      return;
    }
    if (this.tool) {
      this.view.paint();
      return;
    }
    const { clusters } = this.view;
    if (this.regions.hover([x, y], event.pointerType, event.shiftKey)) {
      this.hooks.onHover(-1, event);
      return;
    }
    const over = clusters ? clusters.at(...this.pointer) : -1;
    this.view.canvas.classList.toggle("over", over >= 0);
    this.hooks.onHover(over, event);
  }

  // Two fingers hold two places of the image: they spread, close and move it. What one of them began
  // is given up.
  pinch() {
    this.start = null;
    if (this.tool === "rectangle") this.corners = [];
    this.regions.putBack();
    this.hooks.onHover(-1);
    this.between = this.measure();
  }

  measure() {
    const [[ax, ay], [bx, by]] = [...this.fingers.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, apart: Math.max(20, Math.hypot(ax - bx, ay - by)) };
  }

  spread() {
    const before = this.between;
    this.between = this.measure();
    this.view.pan(this.between.x - before.x, this.between.y - before.y);
    this.view.zoom(before.apart / this.between.apart, this.between.x, this.between.y);
  }

  lift(event) {
    this.fingers.delete(event.pointerId);
    if (this.fingers.size < 2) this.between = null;
    else this.between = this.measure();
  }

  lost(event) {
    this.lift(event);
    this.cancel();
  }

  up(event) {
    this.lift(event);
    if (!this.start) return;
    const { moved } = this.start;
    this.start = null;
    this.view.canvas.classList.remove("dragging");
    const at = this.view.toNm(...this.place(event));
    if (this.regions.held) {
      this.regions.release(moved);
      return;
    }
    if (this.tool === "rectangle") {
      const [[x0, y0], [x1, y1]] = this.corners;
      this.corners = [];
      if (moved && x0 !== x1 && y0 !== y1) this.hooks.onRegion("rectangle", [[x0, y0], [x1, y1]]);
      this.view.paint();
    } else if (this.tool === "polygon" && !moved) {
      const first = this.corners[0] && this.view.toScreen(...this.corners[0]);
      const [x, y] = this.place(event);
      if (this.corners.length > 2 && Math.hypot(first[0] - x, first[1] - y) < 10) this.finish();
      else this.corners.push(at);
      this.view.paint();
    } else if (!this.tool && !moved) {
      this.hooks.onChoose(this.view.clusters ? this.view.clusters.at(...at) : -1);
    }
  }

  // A double click has put the last corner twice.
  finish() {
    if (this.tool !== "polygon") return;
    const apart = this.corners.filter((corner, i) => i === 0
      || Math.hypot(corner[0] - this.corners[i - 1][0], corner[1] - this.corners[i - 1][1])
        > 2 * this.view.scale);
    this.corners = [];
    if (apart.length > 2) this.hooks.onRegion("polygon", apart);
    this.view.paint();
  }

  cancel() {
    this.start = null;
    this.corners = [];
    this.regions.putBack();
    this.view.canvas.classList.remove("dragging");
    this.view.paint();
  }

  leave() {
    this.pointer = null;
    this.regions.hover(null);
    this.hooks.onWhere(null);
    if (!this.start) this.hooks.onHover(-1);
    this.view.paint();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    this.hooks.onActive();
    // A pinch on a trackpad comes as a wheel with Ctrl, in small steps.
    const [most, speed] = event.ctrlKey ? [40, 0.01] : [240, 0.0018];
    this.view.zoom(Math.exp(Math.max(-most, Math.min(most, event.deltaY * lines)) * speed),
      ...this.place(event));
  }

  key(event) {
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step],
      ArrowDown: [0, -step] };
    if (moves[event.key]) this.view.pan(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.view.zoom(0.7);
    else if (event.key === "-") this.view.zoom(1 / 0.7);
    else if (event.key === "0") this.view.fit();
    else if (event.key === "Escape") this.hooks.onEscape(this.corners.length > 0
      || Boolean(this.regions.held));
    else if (event.key === "Enter") this.finish();
    else return;
    event.preventDefault();
  }

  // What is being drawn.
  paint(context, colour) {
    if (!this.corners.length) return;
    const points = this.corners.map((corner) => this.view.toScreen(...corner));
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    if (this.tool === "rectangle") {
      const [[x0, y0], [x1, y1]] = points;
      context.rect(x0, y0, x1 - x0, y1 - y0);
    } else {
      if (this.pointer) points.push(this.view.toScreen(...this.pointer));
      points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    }
    context.stroke();
    context.setLineDash([]);
    if (this.tool === "polygon") {
      context.fillStyle = colour;
      context.fillRect(points[0][0] - 4, points[0][1] - 4, 8, 8);
    }
  }
}
