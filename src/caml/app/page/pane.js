// A pane: an image with what chooses what is shown of it.

import { Hands } from "./hands.js";
import { View } from "./view.js";
import { element, fill, length, number } from "./words.js";

const LAYERS = {
  density: ["Density", "How many localizations there are"],
  channels: ["Channels", "The density of each colour channel"],
  labels: ["Labels", "Which localizations are clustered"],
  scores: ["Scores", "The network's probability to be clustered"],
  clusters: ["Clusters", "Every cluster in a colour of its own"],
};
const KINDS = ["#9a9a9a", "#d55e00", "#0072b2", "#009e73", "#cc79a7"];
const CHANNELS = ["#e040c8", "#30d060", "#4090ff", "#ffb000"];

export class Pane {
  constructor(number_, app) {
    this.number = number_;
    this.app = app;
    this.imageChoice = element("select", { "aria-label": "Image", onchange: (event) =>
      app.choose(this, event.target.value, undefined) });
    this.runChoice = element("select", { "aria-label": "Analysis", onchange: (event) =>
      app.choose(this, this.image?.id, event.target.value || null) });
    this.layers = element("div", { class: "layers", role: "group", "aria-label": "What is shown" });
    this.outlines = element("input", { type: "checkbox", checked: true, onchange: (event) =>
      this.view.setLook({ outlines: event.target.checked }) });
    this.outlinesLabel = element("label", { class: "check" }, this.outlines, "Outlines");
    this.popover = this.makePopover();
    this.lookButton = element("button", { class: "small quiet look", "aria-expanded": "false",
      title: "Brightness and blur", onclick: () => this.openLook(this.popover.hidden) }, "Display");
    this.canvas = element("canvas", { tabindex: "0", role: "img", "aria-label":
      "Image of localizations. Arrow keys move, plus and minus zoom, 0 shows all of it." });
    this.where = element("div", { class: "corner where" });
    this.legend = element("div", { class: "legend" });
    this.veil = element("div", { class: "veil" });
    const zoom = element("div", { class: "corner zoom" },
      element("button", { "aria-label": "Zoom in", onclick: () => this.view.zoom(0.6) }, "+"),
      element("button", { "aria-label": "Zoom out", onclick: () => this.view.zoom(1 / 0.6) }, "−"),
      element("button", { "aria-label": "Show all", title: "Show all",
        onclick: () => this.view.fit() }, "⤢"));
    this.face = element("div", { class: "face" }, this.canvas, this.legend, this.where, zoom,
      this.veil, this.popover);
    this.bar = element("div", { class: "bar" }, this.imageChoice, this.runChoice, this.layers,
      this.outlinesLabel, this.lookButton);
    this.element = element("div", { class: "pane" }, this.bar, this.face);
    this.element.addEventListener("pointerdown", () => app.activate(this));
    if (number_ === 0) this.takeMessages();
    document.getElementById("stage").append(this.element);
    this.view = new View(this.canvas, {
      onPaint: (context, light) => this.paintRegions(context, light),
      onMove: () => app.moved(this),
      onError: (error) => app.failed(error),
      ranges: () => app.rangesOf(this.run?.id),
    });
    this.hands = new Hands(this.view, {
      onActive: () => app.activate(this),
      onWhere: (place) => {
        this.where.textContent = place && this.image?.box
          ? `${number(place[0] / 1000, 4)}, ${number(place[1] / 1000, 4)} µm` : "";
      },
      onHover: (row, event) => app.hover(this, row, event),
      onChoose: (row) => app.chooseCluster(this, row, false),
      onRegion: (kind, corners) => app.drawn.add(this, kind, corners),
      regions: () => (this.image?.state === "open" ? this.image.regions : []),
      analysed: () => (this.run ? this.view.clusters?.regions : null),
      onChanged: (i, corners) => app.drawn.change(this, i, corners),
      onEscape: (drawing) => (drawing ? this.hands.cancel() : app.useTool(null)),
    });
  }

  // One pane is always there; to close a message in it chooses no pane.
  takeMessages() {
    const messages = document.getElementById("messages");
    messages.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.face.append(messages);
  }

  makePopover() {
    const slider = (text, name, low, high, step, value, told) => {
      const out = element("span", { class: "of" }, told(value));
      const input = element("input", { type: "range", min: low, max: high, step, value,
        "aria-label": text, oninput: (event) => {
          out.textContent = told(Number(event.target.value));
          this.view.setLook({ [name]: Number(event.target.value) });
        } });
      return element("div", {}, element("label", { class: "field" }, `${text}: `, out), input);
    };
    return element("div", { class: "popover", hidden: true },
      slider("Brightness of sparse parts", "gamma", 0.2, 1, 0.05, 0.4, (one) => number(1 - one, 2)),
      slider("Blur", "blur", 0, 60, 1, 0, length));
  }

  openLook(yes) {
    this.popover.hidden = !yes;
    this.lookButton.setAttribute("aria-expanded", String(yes));
    this.away?.abort();
    if (!yes) return;
    // A press anywhere else closes it, and so does Escape.
    this.away = new AbortController();
    const { signal } = this.away;
    document.addEventListener("pointerdown", ({ target }) => {
      if (!this.popover.contains(target) && !this.lookButton.contains(target)) this.openLook(false);
    }, { signal, capture: true });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      if (this.popover.contains(document.activeElement)) this.lookButton.focus();
      this.openLook(false);
    }, { signal, capture: true });
  }

  remove() {
    this.openLook(false);
    this.element.remove();
  }

  show(image, run, clusters) {
    if (this.image?.id !== image?.id) {
      this.openLook(false);
      this.hands.cancel();
    }
    this.image = image;
    this.run = run;
    if (!this.layersFor().includes(this.view.look.layer)) this.view.look.layer = "density";
    this.view.show(image?.state === "open" ? image : null, run, clusters);
    this.update();
  }

  layersFor() {
    const known = ["density"];
    if (this.image?.channels?.length) known.push("channels");
    if (this.run?.state === "done") {
      known.push("labels", ...(this.run.has_scores ? ["scores"] : []), "clusters");
    }
    return known;
  }

  setLayer(layer) {
    this.view.setLook({ layer });
    this.update();
    this.app.remember();
  }

  // All but the image itself.
  update() {
    const { images, runs } = this.app.state;
    const option = (value, text, selected) => element("option", { value, selected }, text);
    fill(this.imageChoice, !this.image && option("", images.length ? "choose an image" : "no image",
      true), ...images.map((one) => option(one.id, one.name, one.id === this.image?.id)));
    const own = runs.filter((one) => one.image === this.image?.id && one.state === "done");
    fill(this.runChoice, option("", own.length ? "no analysis" : "not analysed",
      !this.run), ...own.map((one) => option(one.id, this.app.runName(one),
      one.id === this.run?.id)));
    this.runChoice.disabled = !own.length;
    // With one pane the panel on the left does this.
    this.imageChoice.hidden = this.app.panes.length < 2;
    this.runChoice.hidden = this.imageChoice.hidden;
    fill(this.layers, ...this.layersFor().map((layer) => element("button", {
      "data-layer": layer, "aria-pressed": String(layer === this.view.look.layer),
      title: LAYERS[layer][1], onclick: () => this.setLayer(layer),
    }, LAYERS[layer][0])));
    this.outlinesLabel.hidden = !this.run;
    this.element.classList.toggle("empty", this.image?.state !== "open");
    if (this.image?.state !== "open") this.openLook(false);
    fill(this.veil, ...this.veilText());
    fill(this.legend, ...this.legendParts());
  }

  veilText() {
    if (!this.image) {
      return [element("strong", {}, "No image yet"),
        element("span", {}, "Drop a localization table into this window, or choose one on the left.")];
    }
    if (this.image.state === "reading") return [element("strong", {}, `Reading ${this.image.name} …`)];
    if (this.image.state === "asks") {
      return [element("strong", {}, `${this.image.name} does not say all that is needed`),
        element("span", {}, "Press Answer on the left.")];
    }
    if (this.image.state === "failed") {
      return [element("strong", {}, `${this.image.name} cannot be shown`),
        element("span", {}, this.image.message)];
    }
    return [];
  }

  legendParts() {
    const dot = (colour, text) => {
      const mark = element("i");
      mark.style.backgroundColor = colour;
      return element("span", {}, mark, text);
    };
    const { layer } = this.view.look;
    if (layer === "channels") {
      return this.image.channels.map((one, i) => dot(CHANNELS[i], `channel ${one}`));
    }
    if (layer === "labels" && this.run) {
      const outside = this.run.n_regions ? [dot("#9a9a9a4d", "not looked at")] : [];
      return [...this.run.labels.map((one, i) => dot(KINDS[i], one)), ...outside];
    }
    if (layer === "scores") {
      const ramp = element("span", { class: "ramp" });
      ramp.style.background = "linear-gradient(90deg,#3b528b,#26828e,#35b779,#b5de2b,#fde725)";
      return [element("span", {}, "0"), ramp, element("span", {}, "1 clustered")];
    }
    return [];
  }

  paintRegions(context, light) {
    const colour = light ? "#ffd24a" : "#0f6f9c";
    this.hands.regions.paint(context, { colour, on: light ? "#000000" : "#ffffff",
      over: this.app.regionOver });
    this.hands.paint(context, colour);
  }
}
