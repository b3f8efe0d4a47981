// The right panel: how many clusters, their medians, histograms that filter, and the table.

import { Histogram } from "./histogram.js";
import { clustered, tell } from "./news.js";
import { element, MEASURES, number, plural, quantiles } from "./words.js";

const FACTS = [
  ["n_localizations", "localizations"], ["area_nm2", "area, nm²"],
  ["density_per_um2", "density, /µm²"], ["radius_of_gyration_nm", "radius of gyration, nm"],
  ["nearest_cluster_nm", "nearest cluster, nm"],
];
const COLUMNS = [
  ["cluster", "cluster"], ["n_localizations", "localiza\u00adtions"], ["area_nm2", "area nm²"],
  ["density_per_um2", "density per µm²"], ["radius_of_gyration_nm", "gyration nm"],
];
const LINE = 24;

export class Right {
  constructor(app) {
    this.app = app;
    this.home = document.getElementById("right");
    this.sort = { name: "cluster", down: false };
  }

  // Built anew for another analysis, else only brought up to date.
  update() {
    const { run, view } = this.app.active;
    const { clusters } = view;
    const key = `${this.app.active.image?.id} ${run?.id} ${Boolean(clusters)} ${this.app.panes.map((one) => one.run?.id)}`;
    if (key === this.key) {
      this.updateFacts();
      return;
    }
    this.key = key;
    this.run = run;
    this.clusters = clusters;
    this.home.classList.toggle("filled", Boolean(clusters));
    if (!clusters) {
      this.home.replaceChildren(element("p", { class: "empty" }, this.app.active.image
        ? run ? "Loading clusters …" : "Clusters are listed here once the image is analysed."
        : "Open an image to begin."));
      return;
    }
    this.title = element("h2");
    this.sub = element("p", { class: "of" });
    this.by = element("p", { class: "of" });
    this.facts = element("table", { class: "facts", "aria-label": "Medians" });
    this.save = element("button", { class: "primary", id: "save", onclick: () => {
      if (this.save.ariaDisabled !== "true") this.app.dialogs.save(this.app.active.run);
    } }, "Save …");
    this.saved = element("p", { class: "of" });
    this.notSaved = element("p", { class: "bad" });
    this.download = element("a", { class: "of", download: "" }, "Download these rows (CSV)");
    const ranges = this.app.rangesOf(run.id);
    const change = (name) => (range) => this.app.filter(run.id, name, range);
    this.histograms = [["n_localizations", "Localizations in a cluster"], ["area_nm2", "Area, nm²"]]
      .map(([name, title]) => new Histogram(title, clusters.arrays[name], ranges[name],
        change(name)));
    this.lines = element("div", { class: "body", tabindex: "0", role: "rowgroup",
      "aria-label": "Up and down arrow keys go from cluster to cluster", onscroll: () => this.paintLines(), onkeydown: (event) => this.key_(event) });
    this.spacer = element("div");
    this.lines.append(this.spacer);
    const head = element("div", { class: "head", role: "row" }, ...COLUMNS.map(([name, text]) =>
      element("div", { role: "columnheader" }, element("button", { "data-sort": name,
        "aria-label": MEASURES[name], onclick: () => this.sortBy(name) }, text))));
    const pair = element("div", { class: "pair" }, ...this.histograms.map((one) => one.element));
    this.table = element("div", { class: "table", role: "table", "aria-label": "Clusters" }, head,
      this.lines);
    // Of nothing, there is nothing to measure.
    for (const part of [this.facts, pair, head]) part.hidden = !clusters.n;
    this.home.replaceChildren(
      element("div", { class: "found" }, this.title, this.sub, this.by,
        ...run.warnings.map((text) => element("p", { class: "caution" }, text)),
        this.saved, this.notSaved, this.facts, pair, this.download),
      this.table,
      element("div", { class: "actions" },
        this.save,
        element("button", { id: "report", title: "A page to read, print and mail", onclick: () =>
          window.open(`runs/${run.id}/report`, "_blank") }, "Report"),
        element("button", { id: "command", onclick: () =>
          this.app.dialogs.words(this.app.active.run) },
          "Command …")));
    this.linesSize?.disconnect();
    this.linesSize = new ResizeObserver(() => this.paintLines());
    this.linesSize.observe(this.lines);
    this.updateFacts();
    this.order();
    for (const one of this.histograms) one.paint();
  }

  updateSaving() {
    const { saving, saved, not_saved: why } = this.app.active.run;
    const busy = saving.length > 0;
    this.save.textContent = busy ? "Saving …" : "Save …";
    // Not disabled, which would lose the focus.
    this.save.setAttribute("aria-disabled", String(busy));
    this.save.setAttribute("aria-busy", String(busy));
    this.save.title = busy ? `Saving in ${saving.join(", ")}` : "";
    this.saved.textContent = saved ? `Saved in ${saved}` : "";
    this.notSaved.textContent = why ? `Not saved: ${why}` : "";
  }

  updateFacts() {
    const { clusters, run } = this;
    if (!clusters) return;
    this.updateSaving();
    const all = clusters.nShown === clusters.n;
    this.title.textContent = all ? plural(clusters.n, "cluster")
      : `${number(clusters.nShown)} of ${plural(clusters.n, "cluster")}`;
    this.sub.textContent = clustered(run);
    this.by.textContent = [run.name, run.n_regions && plural(run.n_regions, "region"),
      `${number(run.seconds)} s`].filter(Boolean).join(" · ");
    this.download.hidden = all || !clusters.nShown;
    const ranges = Object.entries(this.app.rangesOf(run.id)).map(([name, range]) =>
      `range.${name}=${range.join(",")}`);
    this.download.href = `runs/${run.id}/clusters.csv?${ranges.join("&")}`;
    const others = this.app.panes.length > 1 ? this.app.panes.filter((one) => one.view.clusters)
      : [this.app.active];
    const medians = (one, name) => {
      const values = one.arrays[name];
      if (!values) return null;
      return quantiles(one.nShown === one.n ? values : values.filter((_, i) => one.shown[i]),
        [0.5, 0.25, 0.75]);
    };
    const head = others.length > 1 ? element("tr", {}, element("th", {}, "median"),
      ...others.map((one) => element("th", {}, one.number ? "right" : "left")))
      : element("tr", {}, element("td", {}, all ? "" : "of those shown"),
        element("th", { scope: "col" }, "median (quartiles)"));
    this.facts.replaceChildren(element("thead", {}, head), element("tbody", {},
      ...FACTS.filter(([name]) => clusters.arrays[name]).map(([name, text]) => element("tr", {},
        element("th", {}, text), ...others.map((one) => {
          const found = medians(one.view.clusters, name) ?? [NaN, NaN, NaN];
          return element("td", {}, number(found[0]), others.length > 1 ? null
            : element("small", {}, ` (${number(found[1])}–${number(found[2])})`));
        })))));
  }

  sortBy(name) {
    this.sort = { name, down: this.sort.name === name ? !this.sort.down : name !== "cluster" };
    this.order();
  }

  order() {
    const { clusters } = this;
    const { name, down } = this.sort;
    const values = clusters.arrays[name] ?? clusters.arrays.cluster;
    const rows = [];
    for (let i = 0; i < clusters.n; i += 1) if (clusters.shown[i]) rows.push(i);
    // What is not known comes last, whichever way.
    const value = (i) => (Number.isNaN(values[i]) ? (down ? -Infinity : Infinity) : values[i]);
    rows.sort((a, b) => (down ? value(b) - value(a) : value(a) - value(b)) || a - b);
    this.rows = rows;
    for (const button of this.home.querySelectorAll("[data-sort]")) {
      const own = button.dataset.sort === name;
      button.classList.toggle("sorted", own);
      button.parentElement.setAttribute("aria-sort", own ? down ? "descending" : "ascending" : "none");
    }
    this.spacer.style.height = `${LINE * rows.length}px`;
    // An id is a name: whole, however long.
    const longest = `${clusters.arrays.cluster.at(-1) ?? ""}`.length;
    this.home.style.setProperty("--id-width", `max(46px, calc(${longest}ch + 12px))`);
    this.table.setAttribute("aria-rowcount", rows.length + 1);
    this.paintLines();
  }

  // Only the lines in sight are there.
  paintLines() {
    if (!this.clusters) return;
    const first = Math.max(0, Math.floor(this.lines.scrollTop / LINE) - 4);
    const last = Math.min(this.rows.length,
      first + Math.ceil((this.lines.clientHeight || 400) / LINE) + 8);
    const { view } = this.app.active;
    this.spacer.replaceChildren(...this.rows.slice(first, last).map((row, k) => {
      const line = element("div", { "data-row": row, role: "row", "aria-rowindex": first + k + 2, class: `line${row === view.chosen ? " chosen"
        : ""}${row === view.hovered ? " over" : ""}`,
      onpointerenter: () => this.app.hover(this.app.active, row),
      onpointerleave: () => this.app.hover(this.app.active, -1),
      onclick: () => this.app.chooseCluster(this.app.active, row, true) },
      ...COLUMNS.map(([name]) => element("span", { role: "cell" }, name === "cluster"
        ? `${this.clusters.arrays.cluster[row]}`
        : number(this.clusters.arrays[name]?.[row] ?? NaN))));
      line.style.top = `${LINE * (first + k)}px`;
      return line;
    }));
  }

  mark() {
    if (!this.clusters) return;
    const { view } = this.app.active;
    for (const line of this.spacer.children) {
      const row = Number(line.dataset.row);
      line.classList.toggle("chosen", row === view.chosen);
      line.classList.toggle("over", row === view.hovered);
    }
  }

  bringIntoSight(row) {
    const place = this.rows.indexOf(row) * LINE;
    if (place < 0) return;
    const { scrollTop, clientHeight } = this.lines;
    if (place < scrollTop || place > scrollTop + clientHeight - LINE) {
      this.lines.scrollTop = place - clientHeight / 2;
    }
  }

  filtered() {
    this.updateFacts();
    this.order();
  }

  key_(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !this.rows.length) return;
    event.preventDefault();
    const at = this.rows.indexOf(this.app.active.view.chosen);
    const next = this.rows[Math.max(0, Math.min(this.rows.length - 1, at + step))];
    this.app.chooseCluster(this.app.active, next, true);
    this.bringIntoSight(next);
    tell(COLUMNS.filter(([name]) => this.clusters.arrays[name]).map(([name]) =>
      `${MEASURES[name]} ${number(this.clusters.arrays[name][next])}`).join("; "));
  }
}
