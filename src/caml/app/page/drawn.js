// The regions of images: drawn, changed, removed or from a file, and told to the server.

import { ask } from "./api.js";
import { say, told } from "./words.js";

export class Drawn {
  constructor(app) {
    this.app = app;
    this.pending = new Map();
    this.sent = Promise.resolve();
  }

  // A state that is older than what was drawn since does not take it away.
  take(state) {
    for (const image of state.images) {
      const own = this.pending.get(image.id);
      if (own && state.version < own.version) {
        own.latest = { regions: image.regions, version: state.version };
        image.regions = own.regions;
      } else this.pending.delete(image.id);
    }
  }

  // One after the other. What was drawn is seen at once, until the server tells what it made of it.
  put(image, regions) {
    const before = image.regions;
    const own = { regions, version: Infinity };
    this.pending.set(image.id, own);
    this.show(image.id, regions);
    const send = async () => {
      try {
        own.version = (await ask(`images/${image.id}/regions`, { method: "PUT",
          json: { regions } })).version;
        // The state can be faster than the answer.
        if (this.pending.get(image.id) === own && own.latest?.version >= own.version) {
          this.pending.delete(image.id);
          this.show(image.id, own.latest.regions);
        }
        return true;
      } catch (error) {
        if (this.pending.get(image.id) === own) {
          this.pending.delete(image.id);
          this.show(image.id, before);
        }
        throw error;
      }
    };
    const sent = this.sent.then(send);
    this.sent = sent.catch(() => {});
    return sent;
  }

  show(id, regions) {
    const image = this.app.state.images.find((one) => one.id === id);
    if (image) image.regions = regions;
    for (const pane of this.app.panes) {
      if (pane.image?.id !== id) continue;
      pane.image.regions = regions;
      pane.view.paint();
    }
    this.app.left.updateRegions();
  }

  set(image, regions) {
    return told(() => this.put(image, regions));
  }

  plus({ regions }, kind, corners) {
    const taken = new Set(regions.map((one) => one.name));
    let i = regions.length + 1;
    while (taken.has(`region ${i}`)) i += 1;
    return [...regions, { kind, corners, name: `region ${i}` }];
  }

  changed({ regions }, i, corners) {
    return regions.map((one, k) => (k === i ? { ...one, corners } : one));
  }

  add({ image }, kind, corners) {
    this.app.useTool(null);
    return this.set(image, this.plus(image, kind, corners));
  }

  change({ image }, i, corners) {
    return this.set(image, this.changed(image, i, corners));
  }

  remove(i) {
    const { image } = this.app.active;
    this.app.overRegion(-1);
    const sent = this.set(image, image.regions.filter((_, k) => k !== i));
    // The button that was pressed may be gone.
    if (document.activeElement === document.body) document.getElementById("draw-rectangle").focus();
    return sent;
  }

  send(file) {
    const { image } = this.app.active;
    if (image?.state !== "open") return say("Open an image first.", { bad: true });
    const send = async (size) => {
      const answer = await ask(`images/${image.id}/regions/${encodeURIComponent(file.name)}${size
        ? `?pixel_size_nm=${size}` : ""}`, { method: "PUT", body: file });
      const notes = answer.notes ?? [];
      if (notes.length) say(`${file.name}: ${notes.join("; ")}.`, { stays: true });
      return answer;
    };
    // What the file does not say is asked for, and it is sent again.
    return told(async () => {
      const { asks } = await send("");
      if (asks) this.app.dialogs.regionSize(file, send);
    });
  }
}
