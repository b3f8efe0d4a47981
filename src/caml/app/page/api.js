// What the page asks of the server, and how answers are read.

export async function ask(path, { method = "GET", json, body, signal, raw = false } = {}) {
  const options = { method, signal };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers = { "Content-Type": "application/json" };
  } else if (body !== undefined) {
    options.body = body;
  }
  const answer = await fetch(path, options);
  if (!answer.ok) {
    let text = `the server answered ${answer.status}`;
    try {
      const content = await answer.text();
      text = content.startsWith("{") ? JSON.parse(content).error : content || text;
    } catch { /* the status says enough */ }
    throw new Error(text);
  }
  return raw ? answer.arrayBuffer() : answer.json();
}

// A file as it is, with how much of it is there; fetch cannot tell.
export function upload(path, file, onShare) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("PUT", path);
    request.upload.onprogress = (event) => onShare(event.loaded / (event.total || 1));
    request.onerror = () => reject(new Error(`${file.name} could not be sent`));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onload = () => {
      let content = {};
      try {
        content = JSON.parse(request.responseText);
      } catch { /* the status says enough */ }
      if (request.status < 300) resolve(content);
      else reject(new Error(content.error || `the server answered ${request.status}`));
    };
    request.send(file);
  });
  return { done, stop: () => request.abort() };
}

const TYPES = { float64: Float64Array, float32: Float32Array, int32: Int32Array };

// See pack() in scene.py.
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = 4 + length;
  const arrays = {};
  for (const { name, type, n, at } of facts.arrays) {
    arrays[name] = new TYPES[type](buffer, start + at, n);
  }
  return { ...facts, arrays };
}

// Calls back with all that the server knows, whenever that is new; for as long as the page is open.
export async function follow(onState, onLost) {
  let version = "";
  let failures = 0;
  for (;;) {
    try {
      const state = await ask(`state?since=${version}`);
      version = state.version;
      failures = 0;
      onLost(false);
      onState(state);
    } catch {
      failures += 1;
      if (failures > 2) onLost(true);
      await new Promise((resolve) => setTimeout(resolve, 400 * failures));
    }
  }
}
