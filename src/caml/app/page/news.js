// What has happened since the last state, for those who do not see it: told politely, once.

import { number, plural, say } from "./words.js";

const ENDED = ["done", "failed", "cancelled"];

export function clustered(run) {
  if (run.n_localizations === 0) {
    return `no localization lies in ${run.n_regions > 1 ? "the regions" : "the region"}`;
  }
  const known = run.n_localizations && run.n_clustered !== null;
  const percent = known ? (100 * run.n_clustered) / run.n_localizations : NaN;
  return `${number(percent)} % of ${plural(run.n_localizations, "localization")} clustered`;
}

function ofRun(run) {
  if (run.state === "done") {
    return `${plural(run.n_clusters, "cluster")}, ${clustered(run)}, by ${run.name}.`;
  }
  return run.state === "failed" ? `${run.name} failed: ${run.message}`
    : `${run.name} was cancelled.`;
}

// Speaks where nothing else on the page changes what has the focus.
export function tell(text) {
  document.getElementById("news").textContent = text;
}

export function compare(before, now) {
  // What was there when the page was opened is no news; what begins and ends between two states is.
  if (before.version === undefined) return;
  const known = (list, one) => list.find(({ id }) => id === one.id) ?? { state: "running" };
  const news = [];
  for (const run of now.runs) {
    const old = known(before.runs, run);
    if (!ENDED.includes(old.state) && ENDED.includes(run.state)) news.push(ofRun(run));
    // What was not there yet was opened from where it is saved.
    if (run.saved && old.id && run.saved !== old.saved) {
      say(`Saved in ${run.saved}`);
      news.push(`Saved in ${run.saved}.`);
    }
  }
  for (const image of now.images) {
    const old = known(before.images, image);
    if (old.state === image.state) continue;
    if (image.state === "open") {
      news.push(`${image.name}: ${plural(image.n_localizations, "localization")}.`);
    } else if (image.state === "failed") news.push(`${image.name}: ${image.message}`);
  }
  for (const batch of now.batches) {
    const old = known(before.batches, batch);
    if (!ENDED.includes(old.state) && ENDED.includes(batch.state)) {
      news.push(`Batch by ${batch.name}: ${batch.rows.length} of `
        + `${plural(batch.n_files, "file")} done${batch.state === "done" ? "" : `, ${batch.state}`}.`);
    }
  }
  if (news.length) tell(news.join(" "));
}
