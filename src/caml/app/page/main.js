// The page as a whole: what is chosen, and what follows from it.

import { ask, follow, unpack } from "./api.js";
import { Dialogs } from "./dialogs.js";
import { Drawn } from "./drawn.js";
import { Clusters } from "./geometry.js";
import { Left } from "./left.js";
import { compare } from "./news.js";
import { Pane } from "./pane.js";
import { Right } from "./right.js";
import { element, MEASURES, number, say, told } from "./words.js";

const byId = (id) => document.getElementById(id);

class App {
  constructor() {
    this.state = { images: [], runs: [], files: [], results: [], batches: [], out: "" };
    this.clusters = new Map();
    this.filters = new Map();
    this.drawn = new Drawn(this);
    this.tool = null;
    this.regionOver = -1;
    this.dialogs = new Dialogs(this);
    this.panes = [new Pane(0, this)];
    this.active = this.panes[0];
    this.left = new Left(this);
    this.right = new Right(this);
    byId("compare").addEventListener("click", () => this.compare(this.panes.length < 2));
    byId("theme").addEventListener("click", () => this.setTheme(
      document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
    this.setTheme(localStorage.getItem("caml-theme")
      ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
    this.remembered = JSON.parse(sessionStorage.getItem("caml") ?? "null");
  }

  async start() {
    this.left.setChoices(await ask("choices"));
    this.left.update();
    this.right.update();
    this.active.update();
    await follow((state) => this.take(state), (lost) => { byId("ended").hidden = !lost; });
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("caml-theme", theme);
    const other = theme === "dark" ? "Light" : "Dark";
    byId("theme").textContent = other;
    byId("theme").setAttribute("aria-label", `${other} theme`);
    for (const pane of this.panes ?? []) pane.view.paint();
    for (const one of this.right?.histograms ?? []) one.paint();
  }

  // What the server knows, as it is now.
  take(state) {
    compare(this.state, state);
    if (this.state.version === undefined) this.dialogs.expectThose(state);
    this.state = state;
    this.drawn.take(state);
    if (this.remembered) {
      this.restore(this.remembered);
      this.remembered = null;
    }
    this.arrived();
    for (const pane of this.panes) this.keepUp(pane);
    this.askThose();
    this.left.update();
    this.right.update();
    this.dialogs.live?.();
  }

  // What this tab asked for is shown when it is there.
  awaits(image) {
    this.awaiting = image;
    this.dialogs.expect(image);
    // The state can be faster than the answer.
    this.arrived();
    this.askThose();
  }

  askThose() {
    for (const image of this.state.images) if (image.state === "asks") this.dialogs.ask(image);
  }

  arrived() {
    const image = this.state.images.find((one) => one.id === this.awaiting);
    if (image) {
      this.awaiting = null;
      this.choose(this.active, image.id, undefined);
    }
    const run = this.state.runs.find((one) => one.id === this.awaitingRun?.id);
    if (run && !["waiting", "running"].includes(run.state)) {
      const { pane } = this.awaitingRun;
      this.awaitingRun = null;
      if (run.state === "done" && pane.image?.id === run.image) {
        const before = pane.view.look.layer;
        this.choose(pane, run.image, run.id);
        if (before === "density") pane.setLayer("labels");
      }
    }
  }

  // Images and analyses may have gone, or changed their state.
  keepUp(pane) {
    const { images, runs } = this.state;
    let image = images.find((one) => one.id === pane.image?.id);
    if (!image && pane.number === 0) image = images.find((one) => one.state !== "failed") ?? images[0];
    const changed = image?.id !== pane.image?.id || image?.state !== pane.image?.state;
    let run = runs.find((one) => one.id === pane.run?.id);
    if (changed && !run) run = this.latest(image);
    if (changed || run?.id !== pane.run?.id) this.choose(pane, image?.id, run?.id ?? null);
    else {
      pane.image = image;
      pane.run = run;
      if (pane.view.image) pane.view.image = image;
      pane.update();
      pane.view.paint();
    }
  }

  latest(image) {
    return this.state.runs.filter((one) => one.image === image?.id && one.state === "done").pop();
  }

  runName(run) {
    const same = this.state.runs.filter((one) => one.image === run.image && one.name === run.name
      && one.state === "done");
    const where = run.n_regions ? `, ${run.n_regions} reg.` : "";
    return same.length > 1 ? `${run.name}${where} (${same.indexOf(run) + 1})` : `${run.name}${where}`;
  }

  choose(pane, imageId, runId) {
    const image = this.state.images.find((one) => one.id === imageId) ?? null;
    const run = (runId === undefined ? this.latest(image)
      : this.state.runs.find((one) => one.id === runId && one.state === "done")) ?? null;
    pane.show(image, run, run ? this.clusters.get(run.id) ?? null : null);
    if (run && !this.clusters.has(run.id)) this.loadClusters(run);
    this.remember();
    this.left.update();
    if (pane === this.active) this.left.reveal();
    this.right.update();
  }

  loadClusters(run) {
    this.clusters.set(run.id, null);
    return told(async () => {
      const found = new Clusters(unpack(await ask(`runs/${run.id}/clusters`, { raw: true })));
      found.filter(this.rangesOf(run.id));
      this.clusters.set(run.id, found);
      for (const pane of this.panes) {
        if (pane.run?.id === run.id) {
          pane.view.clusters = found;
          pane.view.paint();
        }
      }
      this.left.updateRegions();
      this.right.update();
    });
  }

  activate(pane) {
    if (this.active === pane) return;
    this.active = pane;
    this.markPanes();
    this.left.update();
    this.right.update();
  }

  markPanes() {
    for (const one of this.panes) {
      one.element.classList.toggle("two", this.panes.length > 1);
      one.element.classList.toggle("active", one === this.active);
    }
  }

  compare(two) {
    if (two) {
      const pane = new Pane(1, this);
      this.panes.push(pane);
      const { images } = this.state;
      const other = images.find((one) => one.id !== this.active.image?.id && one.state === "open");
      const first = this.panes[0];
      this.choose(pane, (other ?? first.image)?.id, undefined);
      pane.view.setLook({ layer: pane.layersFor().includes(first.view.look.layer)
        ? first.view.look.layer : "density" });
      if (!other && first.image) Object.assign(pane.view, { scale: first.view.scale,
        centre: [...first.view.centre] });
    } else {
      this.panes.pop().remove();
      this.active = this.panes[0];
    }
    byId("compare").setAttribute("aria-pressed", String(two));
    this.markPanes();
    for (const pane of this.panes) pane.update();
    this.left.update();
    this.right.update();
    this.remember();
  }

  // Side by side, images are at the same scale; of one image, the same part is in sight.
  moved(pane) {
    if (this.moving) return;
    this.moving = true;
    for (const other of this.panes) {
      if (other === pane || !other.view.image || !pane.view.image) continue;
      other.view.scale = pane.view.scale;
      if (other.image.id === pane.image.id) other.view.centre = [...pane.view.centre];
      other.view.moved();
    }
    this.moving = false;
  }

  failed(error) {
    if (error.name !== "AbortError" && !byId("messages").textContent.includes(error.message)) {
      say(error.message, { bad: true });
    }
  }

  rangesOf(runId) {
    return this.filters.get(runId) ?? {};
  }

  filter(runId, name, range) {
    const ranges = { ...this.rangesOf(runId) };
    if (range) ranges[name] = range;
    else delete ranges[name];
    this.filters.set(runId, ranges);
    this.clusters.get(runId)?.filter(ranges);
    for (const pane of this.panes) {
      if (pane.run?.id !== runId) continue;
      if (["labels", "clusters"].includes(pane.view.look.layer)) pane.view.refresh();
      else pane.view.paint();
    }
    this.right.filtered();
  }

  hover(pane, row, event) {
    const tip = byId("tip");
    if (pane.view.hovered !== row) {
      pane.view.hovered = row;
      pane.view.paint();
      if (pane === this.active) this.right.mark();
    }
    tip.hidden = row < 0 || !event;
    if (tip.hidden) return;
    const { arrays } = pane.view.clusters;
    const lines = ["n_localizations", "area_nm2", "density_per_um2", "radius_of_gyration_nm",
      "circularity", "score_mean"].filter((name) => arrays[name]);
    tip.replaceChildren(element("b", {}, `Cluster ${arrays.cluster[row]}`), element("table", {},
      ...lines.map((name) => element("tr", {}, element("th", {}, MEASURES[name]),
        element("td", {}, number(arrays[name][row]))))));
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = `${Math.min(event.clientX + 16, innerWidth - width - 8)}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12
      : event.clientY + 18}px`;
  }

  chooseCluster(pane, row, go) {
    pane.view.chosen = row;
    if (go && row >= 0) {
      const { clusters } = pane.view;
      pane.view.goTo(...clusters.centre(row), clusters.size(row));
    }
    pane.view.paint();
    this.activate(pane);
    if (row >= 0 && !go) this.right.bringIntoSight(row);
    this.right.mark();
  }

  toggleTool(tool) {
    this.useTool(this.tool === tool ? null : tool);
  }

  useTool(tool) {
    this.tool = tool;
    for (const pane of this.panes) pane.hands.use(tool);
    this.left.updateRegions();
  }

  overRegion(i) {
    this.regionOver = i;
    for (const pane of this.panes) pane.view.paint();
  }

  analyse() {
    const pane = this.active;
    if (this.starting) return undefined;
    this.starting = true;
    return told(async () => {
      const { run } = await ask(`images/${pane.image.id}/analyse`, { method: "POST",
        json: this.left.method });
      this.awaitingRun = { id: run, pane };
      this.arrived();
    }).finally(() => { this.starting = false; });
  }

  forget(run) {
    if (run.state === "done" && !run.saved
      && !confirm("This analysis is not saved. Remove it all the same?")) return undefined;
    this.clusters.delete(run.id);
    return told(() => ask(`runs/${run.id}`, { method: "DELETE" }));
  }

  closeImage(image, runs) {
    if (runs.some((one) => one.state === "done" && !one.saved)
      && !confirm("Its analyses are not all saved. Close it all the same?")) return undefined;
    return told(() => ask(`images/${image.id}`, { method: "DELETE" }));
  }

  remember() {
    sessionStorage.setItem("caml", JSON.stringify(this.panes.map((pane) =>
      ({ image: pane.image?.id, run: pane.run?.id, layer: pane.view.look.layer }))));
  }

  // After a reload it looks as before, as far as all of it is still there.
  restore(remembered) {
    if (remembered.length > 1 && this.state.images.length) this.compare(true);
    remembered.forEach(({ image, run, layer }, i) => {
      const pane = this.panes[i];
      if (!pane || !this.state.images.some((one) => one.id === image)) return;
      this.choose(pane, image, run ?? null);
      if (layer && pane.layersFor().includes(layer)) pane.setLayer(layer);
    });
  }
}

const app = new App();
// For the tests, and for a look from the console.
window.caml = app;
told(() => app.start());
