// Numbers and elements as people read them.

export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString("en-GB");
  return value.toLocaleString("en-GB", { maximumSignificantDigits: digits });
}

export function length(nm) {
  if (nm >= 1000) return `${number(nm / 1000)} µm`;
  return `${number(nm)} nm`;
}

export function plural(n, one, many = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : many}`;
}

// The table's columns in words.
export const MEASURES = {
  cluster: "cluster", label: "label", n_localizations: "localizations", area_nm2: "area, nm²",
  perimeter_nm: "perimeter, nm", volume_nm3: "volume, nm³", density_per_um2: "density, /µm²",
  density_per_um3: "density, /µm³", relative_density: "relative density", x_nm: "x, nm",
  y_nm: "y, nm", z_nm: "z, nm", radius_of_gyration_nm: "radius of gyration, nm",
  major_axis_nm: "major axis, nm", minor_axis_nm: "minor axis, nm", eccentricity: "eccentricity",
  circularity: "circularity", solidity: "solidity", score_mean: "mean score",
  nearest_cluster_nm: "nearest cluster, nm", first_frame: "first frame", last_frame: "last frame",
  frames_spanned: "frames spanned",
};

const isThere = (one) => one !== null && one !== undefined && one !== false && one !== "";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made[key] = value;
    else if (key === "class") made.className = value;
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  // Names of files are text, whatever is in them.
  made.append(...children.filter(isThere));
  return made;
}

const HANDLERS = ["onclick", "onchange", "onpointerenter", "onpointerleave"];

// Makes what is in an element like some new elements, keeping those that are there: a button that is
// being pressed, or has the focus, is still the same after the server has told of progress.
export function fill(home, ...children) {
  const made = children.filter(isThere);
  made.forEach((one, i) => {
    const old = home.childNodes[i];
    if (!old) home.append(one);
    else if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== one.nodeName
      || old.dataset?.run !== one.dataset?.run) old.replaceWith(one);
    else become(old, one);
  });
  while (home.childNodes.length > made.length) home.lastChild.remove();
}

function become(old, one) {
  for (const { name } of [...old.attributes]) if (!one.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of one.attributes) {
    // The style of a bar is no attribute to set: the page's policy forbids it.
    if (name === "style") old.style.cssText = one.style.cssText;
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of HANDLERS) old[name] = one[name];
  const children = [...one.childNodes];
  if (children.some((child) => child.nodeType !== Node.ELEMENT_NODE)) {
    if (old.innerHTML !== one.innerHTML) old.replaceChildren(...children);
  } else fill(old, ...children);
  if (old.nodeName === "OPTION") old.selected = one.hasAttribute("selected");
}

export function quantiles(values, shares) {
  const sorted = Float64Array.from(values.filter((one) => !Number.isNaN(one))).sort();
  if (!sorted.length) return shares.map(() => NaN);
  return shares.map((share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  });
}

export function say(text, { bad = false, stays = bad } = {}) {
  const box = document.getElementById("messages");
  const close = element("button", { class: "x", "aria-label": "Close this message",
    onclick: () => message.remove() }, "✕");
  const message = element("div", { class: bad ? "message is-bad" : "message",
    role: bad ? "alert" : "status" },
    element("span", {}, text), close);
  box.append(message);
  while (box.children.length > 3) box.firstChild.remove();
  box.scrollTop = box.scrollHeight;
  if (!stays) setTimeout(() => message.remove(), 6000);
}

export async function told(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, { bad: true });
    return undefined;
  }
}
