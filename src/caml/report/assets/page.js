"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("canvas");
  const frame = document.getElementById("picture");
  const hover = document.getElementById("hover");
  const context = canvas.getContext("2d");
  const STEPS = 65535;
  const [x0, y0, x1] = data.box;
  const side = x1 - x0; // nm

  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const words = (text) => new Uint16Array(bytes(text).buffer);

  // Rings of polygons: corners in steps of the box, and the box of each polygon.
  const polygons = (packed) => {
    const x = words(packed.x), y = words(packed.y);
    const found = [];
    let at = 0;
    packed.length.forEach((length, i) => {
      const one = (found[packed.of[i]] ??= { rings: [], box: [STEPS, STEPS, 0, 0] });
      one.rings.push([at, at + length]);
      for (let j = at; j < at + length; j += 1) {
        one.box[0] = Math.min(one.box[0], x[j]); one.box[2] = Math.max(one.box[2], x[j]);
        one.box[1] = Math.min(one.box[1], y[j]); one.box[3] = Math.max(one.box[3], y[j]);
      }
      at += length;
    });
    return { x, y, found };
  };
  const outlines = polygons(data.outlines);
  const regions = polygons(data.regions);
  const dots = data.dots && {
    x: words(data.dots.x), y: words(data.dots.y), kind: bytes(data.dots.kind),
  };
  // Not clustered, the labels' colours, and last what lies outside the regions (kind 255).
  const KINDS = ["#9a9a9a", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#9a9a9a4d"];
  const OUTSIDE = 255;

  // The part in sight: its centre and how many steps a pixel of the screen is.
  const view = { x: STEPS / 2, y: STEPS / 2, scale: 1 };
  let layer = "density", chosen = -1, pointed = -1, asked = 0;
  const images = {};
  for (const name of ["density", "clustered"]) {
    if (!data[name]) continue;
    images[name] = new Image();
    images[name].onload = () => redraw();
    images[name].src = data[name];
  }

  const fit = () => {
    view.x = view.y = STEPS / 2;
    view.scale = STEPS / Math.min(canvas.width, canvas.height);
  };
  // What was asked for is seen first.
  const begin = () => {
    const boxes = regions.found.filter(Boolean).map((one) => one.box);
    if (!boxes.length) return fit();
    const edge = (k, most) => most(...boxes.map((box) => box[k]));
    const [left, top, right, bottom] = [Math.min, Math.min, Math.max, Math.max].map((f, k) => edge(k, f));
    [view.x, view.y] = [(left + right) / 2, (top + bottom) / 2];
    view.scale = 1.08 * Math.max((right - left) / canvas.width, (bottom - top) / canvas.height);
  };
  const redraw = () => {
    if (!asked) asked = requestAnimationFrame(() => { asked = 0; draw(); });
  };
  const onScreen = (x, y) => [
    (x - view.x) / view.scale + canvas.width / 2, (y - view.y) / view.scale + canvas.height / 2,
  ];
  const inImage = (x, y) => [
    (x - canvas.width / 2) * view.scale + view.x, (y - canvas.height / 2) * view.scale + view.y,
  ];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const path = (set, one) => {
    for (const [begin, end] of one.rings) {
      for (let i = begin; i < end; i += 1) {
        const [x, y] = onScreen(set.x[i], set.y[i]);
        if (i === begin) context.moveTo(x, y); else context.lineTo(x, y);
      }
      context.closePath();
    }
  };

  const draw = () => {
    const { width, height } = canvas;
    const pixel = window.devicePixelRatio || 1;
    const paper = layer === "density" ? "#000000" : style("--paper");
    const ink = layer === "density" ? "#ffffff" : style("--ink");
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
    const [left, top] = onScreen(0, 0);
    const wide = STEPS / view.scale;
    const image = images[layer === "density" ? "density" : "clustered"];
    const enlarged = image && image.naturalWidth ? wide / image.naturalWidth : 0;
    const low = inImage(0, 0), high = inImage(width, height);
    // Enlarged further than the image has pixels for, localizations are drawn one by one.
    const isFine = dots && enlarged > 2;
    if (image && image.complete && !isFine) {
      context.imageSmoothingEnabled = enlarged < 3;
      context.drawImage(image, left, top, wide, wide);
    }
    if (dots && layer === "label") drawDots(low, high, pixel);
    else if (isFine) drawSpots(low, high, pixel);
    if (document.getElementById("with-outlines").checked) {
      const wanted = (one) => one && one.box[0] < high[0] && one.box[2] > low[0]
        && one.box[1] < high[1] && one.box[3] > low[1];
      context.beginPath();
      for (const one of outlines.found) if (wanted(one)) path(outlines, one);
      context.strokeStyle = ink;
      context.globalAlpha = view.scale * 1000 * side / STEPS > 8e6 ? 0.55 : 0.9;
      context.lineWidth = (wide > 1.5 * Math.min(width, height) ? 1.2 : 0.6) * pixel;
      context.stroke();
      context.globalAlpha = 1;
    }
    context.beginPath();
    for (const one of regions.found) path(regions, one);
    context.strokeStyle = "#56b4e9";
    context.lineWidth = 1.5 * pixel;
    context.stroke();
    for (const [which, colour] of [[pointed, "#56b4e9"], [chosen, "#f0e442"]]) {
      if (which < 0 || !outlines.found[which]) continue;
      context.beginPath();
      path(outlines, outlines.found[which]);
      // Seen on light and on dark.
      context.lineWidth = 4.5 * pixel;
      context.strokeStyle = "#000000";
      context.stroke();
      context.lineWidth = 2.4 * pixel;
      context.strokeStyle = colour;
      context.stroke();
    }
    scaleBar(ink, pixel);
  };

  // Each localization as a spot of light of the width it was blurred by in the image.
  const spot = document.createElement("canvas");
  const drawSpots = (low, high, pixel) => {
    // Not wider than that on the screen: what is enlarged shall come apart.
    const wide = 3 * data.blur_nm / side * STEPS / view.scale;
    const radius = Math.min(Math.max(wide, 1.5 * pixel), 9 * pixel);
    const size = Math.ceil(2 * radius);
    spot.width = spot.height = size;
    const brush = spot.getContext("2d");
    const light = brush.createRadialGradient(size / 2, size / 2, 0, size / 2, size / 2, size / 2);
    for (let share = 0; share <= 1; share += 0.125) {
      const height = Math.exp(-4.5 * share * share) - Math.exp(-4.5);
      light.addColorStop(share, `rgb(214 96 62 / ${0.62 * height})`);
    }
    brush.fillStyle = light;
    brush.fillRect(0, 0, size, size);
    const margin = radius * view.scale;
    context.globalCompositeOperation = "lighter";
    for (let i = 0; i < dots.x.length; i += 1) {
      const x = dots.x[i], y = dots.y[i];
      if (x < low[0] - margin || x > high[0] + margin) continue;
      if (y < low[1] - margin || y > high[1] + margin) continue;
      const [left, top] = onScreen(x, y);
      context.drawImage(spot, left - radius, top - radius, 2 * radius, 2 * radius);
    }
    context.globalCompositeOperation = "source-over";
  };

  const drawDots = (low, high, pixel) => {
    const shown = KINDS.map(() => []);
    let n = 0;
    for (let i = 0; i < dots.x.length; i += 1) {
      const x = dots.x[i], y = dots.y[i];
      if (x < low[0] || x > high[0] || y < low[1] || y > high[1]) continue;
      const kind = dots.kind[i];
      shown[kind === OUTSIDE ? KINDS.length - 1 : kind && 1 + (kind - 1) % 4].push(i);
      n += 1;
    }
    const room = Math.sqrt(0.25 * canvas.width * canvas.height / Math.max(n, 1));
    const size = Math.max(pixel, Math.min(5 * pixel, room));
    shown.forEach((rows, kind) => {
      context.fillStyle = KINDS[kind];
      context.beginPath();
      for (const i of rows) {
        const [x, y] = onScreen(dots.x[i], dots.y[i]);
        if (size < 2.5 * pixel) context.rect(x - size / 2, y - size / 2, size, size);
        else { context.moveTo(x + size / 2, y); context.arc(x, y, size / 2, 0, 2 * Math.PI); }
      }
      context.fill();
    });
  };

  const scaleBar = (ink, pixel) => {
    const nm = side / STEPS * view.scale;
    const most = canvas.width / 5 * nm;
    const decade = 10 ** Math.floor(Math.log10(most));
    const length = decade * Math.max(...[1, 2, 5].filter((one) => one * decade <= most));
    const text = length >= 1000 ? `${length / 1000} µm` : `${+length.toPrecision(2)} nm`;
    const x = 16 * pixel, y = canvas.height - 20 * pixel;
    context.font = `${13 * pixel}px system-ui, sans-serif`;
    // A shade below: the bar may lie on anything.
    context.fillStyle = layer === "density" ? "rgb(0 0 0 / .55)" : style("--paper");
    const room = length / nm + context.measureText(text).width + 24 * pixel;
    context.fillRect(x - 8 * pixel, y - 13 * pixel, room, 30 * pixel);
    context.fillStyle = ink;
    context.fillRect(x, y, length / nm, 4 * pixel);
    context.fillText(text, x + length / nm + 8 * pixel, y + 6 * pixel);
  };

  const holds = (one, x, y) => {
    let inside = false;
    for (const [begin, end] of one.rings) {
      for (let i = begin, j = end - 1; i < end; j = i, i += 1) {
        const xi = outlines.x[i], yi = outlines.y[i], xj = outlines.x[j], yj = outlines.y[j];
        if (yi > y !== yj > y && x < (xj - xi) * (y - yi) / (yj - yi) + xi) inside = !inside;
      }
    }
    return inside;
  };
  const clusterAt = (x, y) => outlines.found.findIndex((one) => one
    && x >= one.box[0] && x <= one.box[2] && y >= one.box[1] && y <= one.box[3] && holds(one, x, y));

  const number = (value) => {
    if (value === null) return "–";
    if (typeof value !== "number") return String(value);
    if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
    return String(+value.toPrecision(3));
  };
  const titles = [...document.querySelectorAll("#clusters th button")].map((one) => one.textContent);
  const told = (row) => titles.map((title, i) => `${title}: ${
    data.columns[i] === "cluster" ? row[i] : number(row[i])}`).join("\n");

  const zoom = (factor, x = canvas.width / 2, y = canvas.height / 2) => {
    const before = inImage(x, y);
    const whole = STEPS / Math.min(canvas.width, canvas.height);
    view.scale = Math.min(Math.max(view.scale / factor, whole / 4000), whole * 1.5);
    const after = inImage(x, y);
    view.x += before[0] - after[0];
    view.y += before[1] - after[1];
    redraw();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const pixel = canvas.width / box.width;
    return [(event.clientX - box.left) * pixel, (event.clientY - box.top) * pixel];
  };

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), ...place(event));
  }, { passive: false });
  let grabbed = null, moved = false;
  canvas.addEventListener("pointerdown", (event) => {
    grabbed = place(event); moved = false;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (grabbed && !moved) choose(clusterAt(...inImage(...place(event))), false);
    grabbed = null;
  });
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (grabbed) {
      if (Math.hypot(x - grabbed[0], y - grabbed[1]) > 3) moved = true;
      if (moved) {
        view.x -= (x - grabbed[0]) * view.scale;
        view.y -= (y - grabbed[1]) * view.scale;
        grabbed = [x, y];
        redraw();
      }
      return;
    }
    point(clusterAt(...inImage(x, y)), event);
  });
  const point = (which, event) => {
    if (which !== pointed) { pointed = which; redraw(); }
    hover.textContent = which < 0 ? "" : told(data.rows[which]);
    if (which < 0 || !event) return;
    const box = frame.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const wide = hover.offsetWidth, high = hover.offsetHeight;
    hover.style.left = `${x + 18 + wide > box.width ? Math.max(x - wide - 12, 0) : x + 18}px`;
    hover.style.top = `${Math.max(Math.min(y + 12, box.height - high - 4), 0)}px`;
  };
  canvas.addEventListener("keydown", (event) => {
    const step = 60 * view.scale;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; redraw(); }
    else if (event.key === "+" || event.key === "=") zoom(1.4);
    else if (event.key === "-") zoom(1 / 1.4);
    else if (event.key === "0") { fit(); redraw(); }
    else return;
    event.preventDefault();
  });
  document.getElementById("zoom-in").onclick = () => zoom(1.6);
  document.getElementById("zoom-out").onclick = () => zoom(1 / 1.6);
  document.getElementById("zoom-all").onclick = () => { fit(); redraw(); };
  document.getElementById("with-outlines").onchange = redraw;
  for (const one of document.querySelectorAll("input[name=layer]")) {
    one.onchange = () => {
      layer = one.value;
      frame.classList.toggle("light", layer !== "density");
      document.getElementById("key").hidden = layer === "density";
      redraw();
    };
  }

  // The table: all rows are here, some of them in the page.
  const body = document.querySelector("#clusters tbody");
  const heads = [...document.querySelectorAll("#clusters th")];
  const more = document.getElementById("table-more");
  const count = document.getElementById("table-count");
  const STEP = 20, MOST = 2000;
  let n_shown = STEP, by = data.columns.indexOf("n_localizations"), down = true, order = [];
  const sorted = () => {
    const sign = down ? -1 : 1;
    order = data.rows.map((_, i) => i).sort((a, b) => {
      const one = data.rows[a][by], two = data.rows[b][by];
      if (one === null || two === null) return (one === null) - (two === null);
      return one < two ? -sign : one > two ? sign : a - b;
    });
  };
  const fill = () => {
    if (!body) return;
    const rows = order.slice(0, n_shown).map((i) => {
      const row = document.createElement("tr");
      row.dataset.row = i;
      row.tabIndex = 0;
      row.classList.toggle("chosen", i === chosen);
      for (const [column, value] of data.rows[i].entries()) {
        const cell = row.insertCell();
        cell.textContent = data.columns[column] === "cluster" ? value : number(value);
      }
      return row;
    });
    body.replaceChildren(...rows);
    heads.forEach((head, i) => {
      if (i === by) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const n = data.rows.length;
    more.hidden = n_shown >= Math.min(n, MOST);
    count.textContent = n_shown >= n ? `All ${n.toLocaleString("en-US")}.`
      : `${n_shown} of ${n.toLocaleString("en-US")}, by ${titles[by]}, from the ${
        down ? "largest" : "smallest"}.`;
  };
  const choose = (which, goes) => {
    chosen = which;
    if (which >= 0) {
      const at = order.indexOf(which);
      if (at >= n_shown) n_shown = Math.min(at + 1, MOST);
      const one = outlines.found[which];
      if (goes && one) {
        view.x = (one.box[0] + one.box[2]) / 2;
        view.y = (one.box[1] + one.box[3]) / 2;
        const size = Math.max(one.box[2] - one.box[0], one.box[3] - one.box[1], 40);
        view.scale = 6 * size / Math.min(canvas.width, canvas.height);
      }
    }
    fill();
    redraw();
  };
  if (body) {
    heads.forEach((head, i) => {
      head.firstElementChild.onclick = () => {
        down = by === i ? !down : data.columns[i] !== "cluster";
        by = i;
        sorted();
        fill();
      };
    });
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && row.dataset.row) {
        choose(Number(row.dataset.row), true);
        frame.scrollIntoView({ block: "nearest", behavior: "smooth" });
      }
    });
    body.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.dataset.row) event.target.click();
    });
    more.onclick = () => { n_shown = Math.min(Math.max(5 * n_shown, 100), MOST); fill(); };
    document.getElementById("table-copy").onclick = (event) => {
      const lines = order.map((i) => data.rows[i].map((one) => one ?? "").join("\t"));
      copyText([data.columns.join("\t"), ...lines].join("\n"), event.target);
    };
  }
  const resize = () => {
    const pixel = window.devicePixelRatio || 1;
    const wide = Math.round(canvas.clientWidth * pixel), high = Math.round(canvas.clientHeight * pixel);
    if (!wide || (wide === canvas.width && high === canvas.height)) return;
    const first = canvas.dataset.sized !== "yes";
    canvas.width = wide;
    canvas.height = high;
    canvas.dataset.sized = "yes";
    if (first) begin();
    draw();
  };
  new ResizeObserver(resize).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => { hover.textContent = ""; draw(); });
  sorted();
  fill();
  resize();
})();
