// The left panel: images and their analyses, files, regions, and what to analyse with.

import { ask, upload } from "./api.js";
import { element, fill, number, plural, told } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Left {
  constructor(app) {
    this.app = app;
    byId("choose").addEventListener("change", (event) => {
      this.send([...event.target.files]);
      event.target.value = "";
    });
    // Labels that are pressed as buttons are, by the keyboard too.
    for (const label of document.querySelectorAll("label[role=button]")) {
      label.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        label.querySelector("input").click();
      });
    }
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      window.addEventListener(kind, (event) => {
        event.preventDefault();
        byId("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
        if (kind === "drop") this.send([...event.dataTransfer.files]);
      });
    }
    byId("relist").addEventListener("click", () => told(() => ask("files/list", { method: "POST" })));
    byId("batch").addEventListener("click", () => app.dialogs.batch());
    byId("draw-rectangle").addEventListener("click", () => app.toggleTool("rectangle"));
    byId("draw-polygon").addEventListener("click", () => app.toggleTool("polygon"));
    byId("type-rectangle").addEventListener("click", () => app.dialogs.rectangle());
    byId("region-file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) app.drawn.send(file);
    });
    // A double click means it once.
    byId("run").addEventListener("click", (event) => event.detail < 2 && app.analyse());
    byId("method").addEventListener("change", () => {
      this.showMethod();
      this.updateMethods();
    });
    byId("more").addEventListener("click", () =>
      this.clampPurpose(!byId("purpose").classList.contains("clamped")));
  }

  setChoices(choices) {
    this.choices = choices;
    const groups = new Map();
    for (const one of choices) {
      if (!groups.has(one.group)) {
        groups.set(one.group, element("optgroup", { label: one.group }));
      }
      groups.get(one.group).append(element("option", { value: one.value }));
    }
    byId("method").replaceChildren(...groups.values());
    this.updateMethods();
    this.showMethod();
  }

  // What cannot be used for the image says why; another is chosen then.
  updateMethods() {
    if (!this.choices) return;
    const { image } = this.app.active;
    const refused = (one) => (image?.state === "open" ? one.fits[image.n_dimensions] : "");
    const select = byId("method");
    for (const option of select.options) {
      const one = this.choices.find(({ value }) => value === option.value);
      const why = refused(one);
      option.disabled = Boolean(why);
      const text = why ? `${one.name}: ${why}` : `${one.name} (${one.facts})`;
      if (option.textContent !== text) option.textContent = text;
    }
    if (select.selectedOptions[0]?.disabled) {
      select.value = [...select.options].find((one) => !one.disabled).value;
      this.showMethod();
    }
    const chosen = this.choices.find(({ value }) => value === select.value);
    byId("projects").hidden = !(chosen?.projects && image?.n_dimensions === 3);
  }

  showMethod() {
    const chosen = this.choices.find((one) => one.value === byId("method").value);
    byId("purpose").textContent = chosen.purpose;
    this.clampPurpose(true);
    byId("parameters").replaceChildren(...chosen.parameters.flatMap(({ name, value, choices }) => {
      const id = `parameter-${name}`;
      const input = choices.length && name !== "prior"
        ? element("select", { id, name }, ...choices.map((one) =>
          element("option", { value: one, selected: one === value }, one)))
        : element("input", { id, name, type: "text", value, list: choices.length ? "priors" : null,
          placeholder: value || "from image", spellcheck: "false" });
      return [element("label", { for: id }, name.replace(/_(nm2?)$/, ", $1").replaceAll("_", " ")),
        input];
    }), element("datalist", { id: "priors" },
      ...["auto", "image", "balanced"].map((value) => element("option", { value }))));
  }

  // A few lines of what it is for; all of it where it is asked for.
  clampPurpose(yes) {
    const purpose = byId("purpose");
    purpose.classList.toggle("clamped", yes);
    byId("more").textContent = yes ? "more" : "less";
    if (yes) byId("more").hidden = purpose.scrollHeight <= purpose.clientHeight + 1;
  }

  get method() {
    const parameters = {};
    for (const input of byId("parameters").querySelectorAll("input, select")) {
      parameters[input.name] = input.value;
    }
    return { method: byId("method").value, parameters };
  }

  // One after the other, so that a large one does not wait for all of them.
  async send(files) {
    for (const file of files) {
      const bar = element("i");
      const stop = element("button", { class: "x", "aria-label": `Stop sending ${file.name}` }, "✕");
      const card = element("div", { class: "card" }, element("div", { class: "run" },
        element("span", { class: "hint what" }, `Sending ${file.name}`), stop),
      element("div", { class: "progress" }, bar));
      byId("uploads").append(card);
      const going = upload(`upload/${encodeURIComponent(file.name)}`, file, (share) => {
        bar.style.width = `${100 * share}%`;
      });
      stop.addEventListener("click", going.stop);
      const sent = await told(async () => {
        const most = this.app.state.max_upload_bytes;
        if (file.size > most) {
          going.stop();
          going.done.catch(() => {});
          throw new Error(`${file.name} is larger than ${number(most / 1e6)} MB: start caml app `
            + "with a larger --max-upload, or with the file's folder");
        }
        return going.done;
      });
      card.remove();
      if (sent) this.app.awaits(sent.image);
    }
  }

  update() {
    this.updateMethods();
    this.updateImages();
    this.updateFiles();
    this.updateBatches();
    this.updateRegions();
  }

  // What was chosen elsewhere is in sight here, where this scrolls by itself.
  reveal() {
    const home = byId("left");
    if (getComputedStyle(home).overflowY !== "auto") return;
    for (const one of byId("images").querySelectorAll("[aria-current]")) {
      one.scrollIntoView({ block: "nearest" });
    }
  }

  updateImages() {
    const { state } = this.app;
    const active = this.app.active;
    fill(byId("images"), ...state.images.map((image) => {
      const runs = state.runs.filter((one) => one.image === image.id);
      const facts = { reading: "reading …", asks: "needs an answer", failed: "cannot be read",
        open: `${plural(image.n_localizations, "localization")}${image.n_dimensions === 3
          ? " · 3D" : ""}` }[image.state];
      return element("div", { class: active.image?.id === image.id ? "card active" : "card" },
        element("div", { class: "head" },
          element("button", { class: "name", title: image.name, "aria-current":
            active.image?.id === image.id && "true", onclick: () =>
            this.app.choose(active, image.id, undefined) },
          element("b", {}, image.name), element("span", {}, facts)),
          image.state === "asks" && element("button", { class: "small", onclick: () =>
            this.app.dialogs.question(image) }, "Answer"),
          element("button", { class: "x", title: "Close", "aria-label": `Close ${image.name}`,
            onclick: () => this.app.closeImage(image, runs) }, "✕")),
        image.message && element("p", { class: "bad note" }, image.message),
        ...image.warnings.map((text) => element("p", { class: "caution note" }, text)),
        ...runs.map((run) => this.run(image, run)));
    }));
  }

  run(image, run) {
    const { app } = this;
    const chosen = app.active.run?.id === run.id;
    const going = run.state === "running" || run.state === "waiting";
    const what = { failed: "failed", cancelled: "cancelled",
      done: plural(run.n_clusters, "cluster") }[run.state];
    const where = run.n_regions ? ` · ${plural(run.n_regions, "region")}` : "";
    const parts = [element("div", { class: chosen ? "run active" : "run" },
      element("button", { class: "name", disabled: run.state !== "done", title:
        run.found_by ?? "", "aria-current": chosen && "true", onclick: () => app.choose(app.active, image.id, run.id) },
      element("span", { class: "what" }, `${run.name}${where}`),
      what && element("span", { class: "count" }, what, run.saved ? element("span", { role: "img",
        title: `Saved in ${run.saved}`, "aria-label": "saved" }, " ✓") : null)),
      going ? element("button", { class: "small quiet", "data-cancel": run.id, onclick: () =>
        told(() => ask(`runs/${run.id}/cancel`, { method: "POST" })) }, "Cancel")
        : element("button", { class: "x", title: "Remove this analysis",
          "aria-label": `Remove the analysis by ${run.name}`,
          onclick: () => app.forget(run) }, "✕"))];
    if (going) {
      const bar = element("i");
      bar.style.width = `${100 * run.share}%`;
      parts.push(element("div", { class: "progress", role: "progressbar", "aria-valuenow":
        Math.round(100 * run.share), "aria-label": `Progress of ${run.name}` }, bar),
      // A line of its own: beside the name there is no room for both.
      element("p", { class: "hint note stage" }, run.state === "waiting"
        ? "waits for the analysis before it" : run.stage || "starts"));
    }
    if (run.message) parts.push(element("p", { class: "bad note" }, run.message));
    return element("div", { "data-run": run.id }, ...parts);
  }

  updateFiles() {
    const { files, results } = this.app.state;
    const key = [...files, ...results].map((one) => one.id).join();
    if (key === this.filesKey) return;
    this.filesKey = key;
    const listed = files.filter((one) => one.group !== "dropped");
    const few = listed.length < 2 && !results.length;
    byId("listed").hidden = few;
    byId("batch").hidden = !listed.length;
    // Where nothing is open yet, this is what to begin with.
    if (!few && !this.app.state.images.length) byId("listed").open = true;
    byId("listed-title").textContent = [listed.length && plural(listed.length, "file"),
      results.length && plural(results.length, "saved analysis", "saved analyses")]
      .filter(Boolean).join(", ");
    let group = "";
    const entries = [...listed.map((one) => [one, "files", one.group]),
      ...results.map((one) => [one, "results", `Saved in ${one.group}`])];
    byId("files").replaceChildren(...entries.flatMap(([file, kind, title]) => {
      const parts = [element("button", { title: file.name, onclick: () => this.open(file, kind) },
        file.name)];
      if (title !== group) {
        group = title;
        parts.unshift(element("div", { class: "group" }, group));
      }
      return parts;
    }));
  }

  // A table, or results with the analysis that they are of.
  open(file, kind) {
    return told(async () => {
      const found = await ask(`${kind}/${file.id}/open`, { method: "POST", json: {} });
      this.app.awaits(found.image);
      if (found.run) this.app.awaitingRun = { id: found.run, pane: this.app.active };
      this.app.arrived();
    });
  }

  updateBatches() {
    fill(byId("batches"), ...this.app.state.batches.map((batch) => {
      const going = batch.state === "running" || batch.state === "waiting";
      const bar = element("i");
      bar.style.width = `${100 * batch.share}%`;
      const what = { waiting: "waits", running: `${batch.rows.length} of ${batch.n_files}`,
        done: plural(batch.n_files, "file"), failed: "failed", cancelled: "cancelled" }[batch.state];
      return element("div", { class: "card", "data-batch": batch.id },
        element("div", { class: "head" },
          element("button", { class: "name", onclick: () => this.app.dialogs.batchResults(batch.id) },
            element("b", {}, `Batch: ${batch.out.split(/[\\/]/).pop()}`),
            element("span", {}, `${batch.name} · ${what}`)),
          going && element("button", { class: "small quiet", onclick: () =>
            told(() => ask(`batches/${batch.id}/cancel`, { method: "POST" })) }, "Cancel")),
        going && element("div", { class: "progress" }, bar),
        batch.message && element("p", { class: "bad note" }, batch.message));
    }));
  }

  updateRegions() {
    const { image } = this.app.active;
    const open = image?.state === "open";
    for (const id of ["draw-rectangle", "draw-polygon", "region-file", "run"]) byId(id).disabled = !open;
    byId("region-file").parentElement.setAttribute("aria-disabled", String(!open));
    const regions = open ? image.regions : [];
    fill(byId("regions"), ...regions.map((region, i) => element("li", {
      onpointerenter: () => this.app.overRegion(i), onpointerleave: () => this.app.overRegion(-1),
    }, element("span", { class: "number" }, String(i + 1)),
    region.kind === "rectangle" ? element("button", { class: "link name",
      title: "Type its corners", onclick: () => this.app.dialogs.rectangle(i) }, "rectangle")
      : element("span", { class: "name", title: region.name }, region.name),
    element("span", { class: "area" }, `${number(region.area_um2)} µm²`),
    element("button", { class: "x", "aria-label": `Remove region ${i + 1}`, title: "Remove",
      onclick: () => this.app.drawn.remove(i) }, "✕"))));
    byId("scope").textContent = !open ? "Open an image first."
      : regions.length ? `In ${plural(regions.length, "region")}; every localization is looked at `
        + "with all its neighbours." : "The whole image.";
    const { tool } = this.app;
    byId("type-rectangle").hidden = tool !== "rectangle";
    byId("region-hint").textContent = tool === "rectangle" ? "Drag a rectangle in the image."
      : tool === "polygon" ? "Click corners; a double click ends it, Esc starts anew."
        : regions.length ? "Drag corners and edges in the image to change one, its number or Shift "
          + `to move it.${this.app.active.hands.regions.against().isOther.includes(true)
            ? " The analysis that is shown was not made in dashed ones." : ""}` : "Without one, the whole image is analysed.";
    byId("draw-rectangle").setAttribute("aria-pressed", String(tool === "rectangle"));
    byId("draw-polygon").setAttribute("aria-pressed", String(tool === "polygon"));
  }
}
