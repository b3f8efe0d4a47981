// Questions and answers in front of the page.

import { ask } from "./api.js";
import { likely, unitOf } from "./columns.js";
import { element, fill, number, plural, say, told } from "./words.js";

export class Dialogs {
  constructor(app) {
    this.app = app;
    // Images that this tab asks about by itself; of the others there is a button.
    this.expected = new Set();
  }

  open(title, parts, { action, onAction, cancel = "Cancel", working = "Working …" }) {
    const dialog = element("dialog", { "aria-label": title });
    const note = element("p", { class: "bad", role: "alert" });
    const close = () => { dialog.close(); dialog.remove(); };
    const button = action && element("button", { class: "primary", type: "submit" }, action);
    const form = element("form", { onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      button.textContent = working;
      note.textContent = "";
      try {
        const after = await onAction();
        close();
        if (typeof after === "function") after();
      } catch (error) {
        // What goes on is told also when this was closed meanwhile.
        if (dialog.isConnected) note.textContent = error.message;
        else say(error.message, { bad: true });
      }
      button.disabled = false;
      button.textContent = action;
    } }, element("h2", {}, title), ...parts, note, element("div", { class: "row end" },
      element("button", { type: "button", onclick: close }, cancel), button));
    dialog.append(form);
    dialog.addEventListener("cancel", close);
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  // What this tab opened is asked about at once, and again where the answer was of no use; what was
  // there before it, such as the table of the command line, if no tab was told to leave it.
  expect(id) {
    this.expected.add(id);
    this.left = this.left.filter((one) => one !== id);
  }

  expectThose({ images }) {
    const left = new Set(this.left);
    for (const { id, state } of images) {
      if (["reading", "asks"].includes(state) && !left.has(id)) this.expected.add(id);
    }
  }

  // Of all tabs. Ids begin anew with every start of the server, and so does its address.
  get left() {
    const [path, ...ids] = JSON.parse(localStorage.getItem("caml-left") ?? "[]");
    return path === location.pathname ? ids : [];
  }

  set left(ids) {
    localStorage.setItem("caml-left", JSON.stringify([location.pathname, ...ids]));
  }

  ask(image) {
    if (!this.expected.has(image.id) || document.querySelector("dialog")) return;
    this.expected.delete(image.id);
    this.question(image);
  }

  question(image) {
    const { about, columns } = image.question;
    const size = element("input", { type: "number", min: "0.001", step: "any", id: "pixel-size",
      placeholder: "such as 130" });
    const sizeParts = [element("label", { class: "field", for: "pixel-size" },
      "Camera pixel size, nm"), size];
    const known = [];
    let parts;
    if (about === "pixel_size") {
      size.required = true;
      parts = [element("p", {}, `Positions in ${image.name} are in camera pixels, and the file does `
        + "not say how large one is."), ...sizeParts];
    } else {
      const role = (name) => {
        const guess = likely(name, columns);
        const needed = name === "x" || name === "y";
        const options = columns.map((one, i) => element("option", { value: i,
          selected: i === guess }, one || `column ${i}`));
        options.unshift(element("option", { value: "", selected: guess < 0 },
          needed ? "choose …" : "none"));
        const unitless = name === "frame" || name === "channel";
        const unit = unitless ? null : element("select", { id: `unit-${name}`,
          "aria-label": `Unit of ${name}` }, ...["nm", "um", "px"].map((one) => element("option",
          { value: one }, one === "um" ? "µm" : one)));
        const follow = () => { if (unit) unit.value = unitOf(columns[column.value]) || "nm"; };
        const column = element("select", { id: `column-${name}`, required: needed,
          onchange: follow }, ...options);
        follow();
        known.push({ name, column, unit });
        return [element("label", { for: column.id }, name), column, unit ?? element("span")];
      };
      parts = [element("p", {}, `Which columns of ${image.name} hold positions?`),
        element("div", { class: "choose-columns" },
          ...["x", "y", "z", "frame", "channel", "uncertainty"].flatMap(role)),
        element("p", { class: "hint" }, "The pixel size is only needed for columns in px."),
        ...sizeParts];
    }
    if (image.message) parts.push(element("p", { class: "bad" }, image.message));
    const dialog = this.open(image.name, parts, { action: "Open", onAction: async () => {
      const answer = {};
      if (size.value) answer.pixel_size_nm = Number(size.value);
      if (known.length) {
        answer.columns = Object.fromEntries(known.filter(({ column }) => column.value !== "")
          .map(({ name, column, unit }) => {
            // nm goes without saying, unless the header or the size of a pixel says otherwise.
            const said = unitOf(columns[column.value]) || (size.value ? "px" : "nm");
            return [name, column.value + (unit && unit.value !== said ? ` [${unit.value}]` : "")];
          }));
      }
      this.app.awaits(image.id);
      try {
        await ask(`files/${image.file}/open`, { method: "POST", json: answer });
      } catch (error) {
        this.expected.delete(image.id);
        throw error;
      }
    } });
    dialog.addEventListener("close", () => {
      if (!this.expected.has(image.id)) this.left = [...this.left, image.id];
    });
  }

  copied(title, text) {
    const copy = element("button", { type: "button", class: "small", onclick: async () => {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } }, "Copy");
    return [element("div", { class: "with-copy" }, element("span", { class: "field" }, title), copy),
      element("pre", {}, text)];
  }

  words(run) {
    return told(async () => {
      const { command, python, needs_saving: unsaved } = await ask(`runs/${run.id}/words`);
      // A double click asks twice.
      if (document.querySelector("dialog")) return;
      this.open("The same without this page", [
        ...this.copied("Command", command), ...this.copied("Python", python),
        unsaved && element("p", { class: "caution" }, "The command reads the file of regions that is "
          + "written when the analysis is saved: save it, and look here again."),
      ], { cancel: "Close" });
    });
  }

  save(run) {
    return told(async () => {
      const { name } = await ask(`runs/${run.id}/words`);
      if (document.querySelector("dialog")) return;
      const input = element("input", { type: "text", id: "save-name", value: name,
        required: true, spellcheck: "false" });
      const goesOn = element("p", { class: "hint", role: "status", hidden: true },
        "Large images take a while. This can be closed, and the tab too: saving goes on.");
      const { nShown, n } = this.app.active.view.clusters ?? {};
      this.open("Save results", [
        element("label", { class: "field", for: "save-name" }, `Folder in ${this.app.state.out}`),
        input, element("p", { class: "hint" }, "What caml analyse writes: localizations.csv, "
          + "clusters.csv, outlines.geojson, overview.png, report.html, summary.csv and run.json."),
        nShown < n && element("p", { class: "caution" }, `All ${plural(n, "cluster")} are saved, `
          + "those that are filtered out too."),
        goesOn,
      ], { action: "Save", working: "Saving …", onAction: () => {
        goesOn.hidden = false;
        return ask(`runs/${run.id}/save`, { method: "POST", json: { name: input.value } })
          .finally(() => { goesOn.hidden = true; });
      } });
    });
  }

  batch() {
    const listed = this.app.state.files.filter((one) => one.group !== "dropped");
    const boxes = listed.map((file) => [file, element("input", { type: "checkbox", checked: true })]);
    const { method } = this.app.left.method;
    const name = element("input", { type: "text", id: "batch-name", required: true,
      value: this.freeName("batch") });
    const size = element("input", { type: "number", min: "0.001", step: "any", id: "batch-size" });
    this.open("Analyse all files", [
      element("p", { class: "hint" }, `By ${method.replace("caml:", "")}, with the parameters on the `
        + "left, each file as a whole. Results are written as they come; what fails costs only "
        + "itself."),
      element("div", { class: "files" }, ...boxes.map(([file, box]) =>
        element("label", {}, box, file.name))),
      element("label", { class: "field", for: "batch-size" },
        "Camera pixel size, nm; only for tables in pixels that do not say it"), size,
      element("label", { class: "field", for: "batch-name" }, `Folder in ${this.app.state.out}`), name,
    ], { action: "Analyse", onAction: () => ask("batches", { method: "POST", json: {
      ...this.app.left.method, name: name.value,
      pixel_size_nm: size.value ? Number(size.value) : null,
      files: boxes.filter(([, box]) => box.checked).map(([file]) => file.id),
    } }) });
  }

  freeName(start) {
    const taken = this.app.state.batches.map((one) => one.out.split(/[\\/]/).pop());
    for (let i = 1; ; i += 1) {
      const name = i === 1 ? start : `${start}_${i}`;
      if (!taken.includes(name)) return name;
    }
  }

  // Goes on while it is looked at.
  batchResults(id) {
    const columns = [["n_localizations", "localizations"], ["n_clusters", "clusters"],
      ["percent_clustered", "clustered, %"], ["area_nm2_median", "median area, nm²"],
      ["n_localizations_median", "median localizations"]];
    const hint = element("p", { class: "hint" });
    const body = element("tbody");
    const write = () => {
      const batch = this.app.state.batches.find((one) => one.id === id);
      hint.textContent = `${batch.name} · ${batch.rows.length} of ${plural(batch.n_files, "file")} `
        + `done · ${batch.out}`;
      fill(body, ...batch.rows.map((row) => element("tr", {}, element("td", {}, row.path),
        ...(row.error ? [element("td", { class: "bad", colspan: columns.length }, row.error)]
          : columns.map(([name]) => element("td", {}, number(row[name])))))));
    };
    write();
    const { out } = this.app.state.batches.find((one) => one.id === id);
    const dialog = this.open(`Batch: ${out.split(/[\\/]/).pop()}`, [hint,
      element("div", { class: "scroll" }, element("table", { class: "results" },
        element("thead", {}, element("tr", {}, element("th", {}, "file"),
          ...columns.map(([, text]) => element("th", {}, text)))), body))],
    { cancel: "Close" });
    this.live = () => (dialog.isConnected ? write() : undefined);
  }

  // For hands that do not draw, and for numbers that are known. In µm, as the image tells them.
  rectangle(i) {
    const { app } = this;
    const pane = app.active;
    const old = pane.image.regions[i];
    const [x0, y0, x1, y1] = pane.image.box;
    const [[ax, ay], [bx, by]] = old?.corners ?? [[x0, y0], [x1, y1]];
    const start = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
    const inputs = ["left", "top", "right", "bottom"].map((name, k) => element("input", {
      type: "number", step: "any", required: true, id: `rectangle-${name}`,
      value: String(Math.round(start[k] * 100) / 1e5) }));
    this.open(old ? `Region ${i + 1}` : "A rectangle", [
      element("div", { class: "choose-corners" }, ...[["left", "Left, x in µm"],
        ["top", "Top, y in µm"], ["right", "Right, x in µm"], ["bottom", "Bottom, y in µm"]]
        .flatMap(([name, text], k) => [element("label", { for: `rectangle-${name}` }, text),
          inputs[k]]))],
    { action: old ? "Change" : "Add", onAction: async () => {
      const [left, top, right, bottom] = inputs.map((one) => 1000 * Number(one.value));
      if (left >= right || top >= bottom) {
        throw new Error("The right is right of the left, and the bottom below the top: y grows "
          + "downwards.");
      }
      const corners = [[left, top], [right, bottom]];
      await app.drawn.put(pane.image, old ? app.drawn.changed(pane.image, i, corners)
        : app.drawn.plus(pane.image, "rectangle", corners));
      // What opened this is hidden then, and would lose the focus.
      return () => {
        app.useTool(null);
        if (!old) document.getElementById("draw-rectangle").focus();
      };
    } });
  }

  regionSize(file, send) {
    const size = element("input", { type: "number", min: "0.001", step: "any", required: true,
      id: "region-size" });
    this.open(file.name, [element("p", {}, "ImageJ's regions are in pixels of the image they were "
      + "drawn on."), element("label", { class: "field", for: "region-size" },
      "Size of such a pixel, nm"), size],
    { action: "Add", onAction: () => send(size.value) });
  }
}
