"use strict";
const explorer = (() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const weights = Net.decode(page.weights, page.precision);
  const get = (id) => document.getElementById(id);
  const STEPS = 9, OTHERS = 8;

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  const written = (value, digits = 3) => {
    const text = Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(digits)));
    return text.replace("-", "\u2212");
  };
  const short = (value) => written(Math.round(value * 100) / 100);

  // Draws: a small generator with a seed (mulberry32), so that noise 1 is the same whenever the page opens.
  function dice(seed) {
    let state = Math.imul(seed, 0x9e3779b1) >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  function drawInto(latent, control, uniform) {
    const { kind, start, size } = control;
    if (kind === "category") {
      const chosen = pick(control.shares, uniform());
      for (let i = 0; i < size; i++) latent[start + i] = Number(i === chosen);
      return;
    }
    for (let i = start; i < start + size; i++)
      latent[i] = kind === "choice" ? control.values[pick(control.shares, uniform())] : quantile(control.quantiles, uniform());
  }

  function pick(shares, left) {
    let chosen = 0;
    while (chosen < shares.length - 1 && (left -= shares[chosen]) > 0) chosen++;
    return chosen;
  }

  // The table's probabilities are 1 / (1 + exp(-t)) with t evenly spaced over [-10, 10]; between them it is linear in t.
  function quantile(table, p) {
    const t = Math.min(10, Math.max(-10, Math.log(p / (1 - p)))), place = (t + 10) / 20 * (table.length - 1);
    const left = Math.min(Math.floor(place), table.length - 2);
    return table[left] + (place - left) * (table[left + 1] - table[left]);
  }

  // What is shown: codes, the noise's seed and strength, and which coordinate is being moved.
  const state = { codes: new Float32Array(page.inputs), seed: 1, strength: 1, active: null };

  function noiseInto(latent, seed) {
    const uniform = dice(seed);
    for (const control of page.noise) {
      drawInto(latent, control, uniform);
      if (control.kind !== "slider") continue;
      const middle = (control.low + control.high) / 2;
      for (let i = control.start; i < control.start + control.size; i++)
        latent[i] = middle + state.strength * (latent[i] - middle);
    }
  }

  function latent(change = () => {}, seed = state.seed) {
    const all = Float32Array.from(state.codes);
    noiseInto(all, seed);
    change(all);
    return all;
  }

  function output(input) {
    const made = Net.run(page.layers, weights, input), at = (list, i) => list[list.length === 1 ? 0 : i];
    return made.map((value, i) => value * at(page.scale, i) + at(page.shift, i));
  }

  const chosen = (control) => state.codes.subarray(control.start, control.start + control.size).indexOf(1);
  const labelOf = (control, i) => control.labels ? control.labels[i] : control.kind === "category" ? String(i)
    : control.size === 1 ? control.name : `${control.name} ${i + 1}`;
  const choose = (control, k) => (all) => { for (let i = 0; i < control.size; i++) all[control.start + i] = Number(i === k); };

  // Pictures.
  let ranges = null;
  function paintImage(canvas, values) {
    const [channels, height, width] = page.image, [black, white] = page.limits, area = height * width;
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0; i < area; i++) {
      for (let c = 0; c < 3; c++) {
        const level = (values[(channels === 3 ? c : 0) * area + i] - black) / (white - black);
        image.data[4 * i + c] = Math.round(255 * Math.min(1, Math.max(0, get("invert").checked ? 1 - level : level)));
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  const share = (values, i) => Math.min(1, Math.max(0, (values[i] - ranges[i][0]) / (ranges[i][1] - ranges[i][0])));

  function paintProfile(canvas, values) {
    const step = Math.max(3, Math.floor(96 / values.length)), context = canvas.getContext("2d");
    canvas.width = step * values.length;
    canvas.height = 48;
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    values.forEach((_, i) => {
      const height = 2 + 46 * share(values, i);
      context.fillRect(step * i, 48 - height, step - 1, height);
    });
  }

  const paint = (canvas, values) => (page.image ? paintImage : paintProfile)(canvas, values);

  // Small pictures are made when there is time, a few at once; the big one at once.
  const dirty = new Set(), thumbs = new Set();
  let waiting = false;
  function paintThumb(thumb) {
    dirty.delete(thumb);
    if (thumbs.has(thumb)) paint(thumb.canvas, output(thumb.latent()));
  }
  function work() {
    const end = performance.now() + 12;
    for (const thumb of dirty) {
      paintThumb(thumb);
      if (performance.now() > end) break;
    }
    waiting = dirty.size > 0;
    if (waiting) setTimeout(work);
  }
  function settle() { for (const thumb of dirty) paintThumb(thumb); }

  function addThumb(input, owner) {
    const thumb = { canvas: make("canvas"), latent: input, owner };
    thumbs.add(thumb);
    return thumb;
  }

  function reading() {
    const parts = page.controls.map((control) => {
      if (control.kind === "category") return `${control.name} ${labelOf(control, chosen(control))}`;
      const values = [...state.codes.subarray(control.start, control.start + control.size)];
      return control.size > 4 ? "" : values.map((value, i) => `${labelOf(control, i)} ${short(value)}`).join(" \u00b7 ");
    });
    return [...parts, page.noise.length ? `noise ${state.seed}` : ""].filter(Boolean).join(" \u00b7 ");
  }

  function show(owner = null) {
    const values = output(latent());
    if (page.image) paintImage(get("picture"), values);
    else showFeatures(values, owner);
    get("reading").textContent = reading();
    get("picture").setAttribute("aria-label", `Generated sample: ${reading()}`);
    get("strength-label").querySelector(".value").textContent = short(state.strength);
    controls.forEach((refresh) => refresh());
    for (const thumb of thumbs) if (owner === null || thumb.owner !== owner) dirty.add(thumb);
    if (!waiting && dirty.size) { waiting = true; setTimeout(work); }
  }

  // Controls: each returns what brings it up to date.
  const controls = [];
  function set(control, i, value) {
    state.codes[control.start + i] = value;
    show(control.start + i);
  }

  function addCategories(control, box) {
    const row = make("div", { className: "thumbs" });
    for (let k = 0; k < control.size; k++) {
      const thumb = addThumb(() => latent(choose(control, k)), `category ${control.start}`);
      const input = make("input", { type: "radio", name: `code-${control.start}`, value: k });
      const label = make("label", { className: "thumb" }, input, thumb.canvas, labelOf(control, k));
      input.addEventListener("change", () => { choose(control, k)(state.codes); show(`category ${control.start}`); });
      controls.push(() => {
        input.checked = chosen(control) === k;
        label.classList.toggle("chosen", input.checked);
      });
      row.append(label);
    }
    box.append(row);
  }

  function addSliders(control, box) {
    for (let i = 0; i < control.size; i++) {
      const { low, high } = control, value = make("span", { className: "value" });
      const input = make("input", { type: "range", min: low, max: high, step: (high - low) / 200 });
      input.addEventListener("input", () => { activate(control, i); set(control, i, Number(input.value)); });
      input.addEventListener("focus", () => activate(control, i));
      controls.push(() => {
        input.value = state.codes[control.start + i];
        value.textContent = short(state.codes[control.start + i]);
      });
      box.append(make("label", {}, labelOf(control, i), value, input));
    }
  }

  function addChoices(control, box) {
    const { values } = control, row = make("div", { className: "switches" });
    for (let i = 0; i < control.size; i++) {
      if (values.length === 2) {
        const input = make("input", { type: "checkbox" });
        input.addEventListener("change", () => set(control, i, values[Number(input.checked)]));
        controls.push(() => { input.checked = nearest(control, i) === 1; });
        row.append(make("label", { className: "check" }, input, labelOf(control, i)));
        continue;
      }
      const input = make("select", {}, ...values.map((value, k) => make("option", { value: k, textContent: short(value) })));
      input.addEventListener("change", () => set(control, i, values[Number(input.value)]));
      controls.push(() => { input.value = nearest(control, i); });
      row.append(make("label", { className: "check" }, labelOf(control, i), input));
    }
    box.append(row);
  }

  // Codes are single precision, values are not: the number of the value that is nearest.
  function nearest(control, i) {
    const far = control.values.map((value) => Math.abs(value - state.codes[control.start + i]));
    return far.indexOf(Math.min(...far));
  }

  // The strip: the coordinate that is being moved, from end to end.
  const level = (control, n, steps) => control.low + (control.high - control.low) * n / (steps - 1);
  const moved = (n, steps) => latent((all) => { const { control, i } = state.active; all[control.start + i] = level(control, n, steps); });
  let strip = [];
  function activate(control, i) {
    if (state.active && state.active.control === control && state.active.i === i) return;
    state.active = { control, i };
    get("strip-title").textContent = `What ${labelOf(control, i)} does`;
    strip.forEach((part) => thumbs.delete(part.thumb));
    const row = get("strip").querySelector(".thumbs");
    row.replaceChildren();
    strip = Array.from({ length: STEPS }, (_, n) => {
      const value = level(control, n, STEPS), thumb = addThumb(() => moved(n, STEPS), control.start + i);
      const button = make("button", { type: "button", className: "thumb" }, thumb.canvas, short(value));
      button.addEventListener("click", () => set(control, i, value));
      row.append(button);
      dirty.add(thumb);
      return { thumb, button, value };
    });
    if (!page.image) showFeatures(output(latent()), null);
    show(control.start + i);
  }
  controls.push(() => {
    if (!state.active) return;
    const { control, i } = state.active, now = state.codes[control.start + i];
    const near = strip.map((part) => Math.abs(part.value - now)), best = Math.min(...near);
    strip.forEach((part, n) => part.button.classList.toggle("chosen", near[n] === best));
  });

  function addOthers() {
    const row = get("others").querySelector(".thumbs");
    for (let n = 1; n <= OTHERS; n++) {
      const thumb = addThumb(() => latent(undefined, state.seed + n), "none");
      const name = make("span");
      const button = make("button", { type: "button", className: "thumb" }, thumb.canvas, name);
      button.addEventListener("click", () => { state.seed += n; show(); });
      controls.push(() => { name.textContent = `noise ${state.seed + n}`; });
      row.append(button);
    }
  }

  // Tables: a bar for each feature between the lowest and highest of 200 random samples, and how it moves with the code.
  const rows = [];
  let curves = null;
  function prepareFeatures() {
    const samples = Array.from({ length: 200 }, (_, n) => {
      const all = latent(undefined, n + 1), uniform = dice(1000 + n);
      for (const control of page.controls) drawInto(all, control, uniform);
      return output(all);
    });
    ranges = page.features.map((_, i) => {
      const column = samples.map((sample) => sample[i]), low = Math.min(...column), high = Math.max(...column);
      return high > low ? [low, high] : [low - 0.5, low + 0.5];
    });
    const head = make("th", { scope: "col", className: "range" });
    const titles = ["Feature", "Value", "Low to high"].map((text, i) =>
      make("th", { scope: "col", textContent: text, className: ["", "number", "range"][i] }));
    get("features").append(make("thead", {}, make("tr", {}, ...titles, head)));
    controls.push(() => {
      head.textContent = state.active ? `as ${labelOf(state.active.control, state.active.i)} moves` : "";
    });
    const body = make("tbody");
    page.features.forEach((name, i) => {
      const fill = make("div"), number = make("td", { className: "number" });
      const line = make("canvas", { className: "line", width: 256, height: 52 });
      line.setAttribute("aria-hidden", "true");
      const bar = make("div", { className: "bar", title: ranges[i].map((end) => written(end)).join(" to ") }, fill);
      body.append(make("tr", {}, make("th", { scope: "row", textContent: name }), number, make("td", {}, bar), make("td", {}, line)));
      rows.push({ fill, number, line });
    });
    get("features").append(body);
  }

  function showFeatures(values, owner) {
    const { control, i } = state.active || {};
    if (control && (owner === null || owner !== control.start + i))
      curves = Array.from({ length: 21 }, (_, n) => output(moved(n, 21)));
    const place = control ? (state.codes[control.start + i] - control.low) / (control.high - control.low) : 0;
    rows.forEach(({ fill, number, line }, k) => {
      fill.style.width = `${100 * share(values, k)}%`;
      number.textContent = written(values[k]);
      if (control) paintLine(line, curves.map((curve) => share(curve, k)), place, share(values, k));
    });
  }

  function paintLine(canvas, heights, place, height) {
    const context = canvas.getContext("2d"), { width, height: tall } = canvas;
    const x = (part) => 6 + part * (width - 12), y = (part) => tall - 6 - part * (tall - 12);
    context.clearRect(0, 0, width, tall);
    context.strokeStyle = context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    context.lineWidth = 3;
    context.beginPath();
    heights.forEach((part, n) => context.lineTo(x(n / (heights.length - 1)), y(part)));
    context.stroke();
    context.beginPath();
    context.arc(x(place), y(height), 6, 0, 7);
    context.fill();
  }

  function addTable({ title, cells, rows: names, columns }) {
    const top = Math.max(1e-12, ...cells.flat().map((cell) => Math.abs(cell ?? 0)));
    const cell = (value) => {
      const element = make("td", { textContent: value === null ? "" : written(value) });
      element.style.background = `rgb(var(--accent-rgb) / ${Math.round(55 * Math.abs(value ?? 0) / top)}%)`;
      return element;
    };
    const head = make("tr", {}, make("td"), ...columns.map((name) => make("th", { scope: "col", textContent: name })));
    const lines = cells.map((line, i) => make("tr", {}, make("th", { scope: "row", textContent: names[i] }), ...line.map(cell)));
    get("tables").append(make("figure", {}, make("figcaption", { textContent: title }),
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines))));
  }

  // Play: the code moves back and forth.
  let playing = null;
  function play() {
    playing = playing ? null : performance.now();
    get("play").textContent = playing ? "Stop" : "Play";
    get("play").setAttribute("aria-pressed", String(Boolean(playing)));
    const frame = (now) => {
      if (!playing) return;
      const { control, i } = state.active;
      set(control, i, level(control, 0.5 - 0.5 * Math.cos((now - playing) / 1000), 2));
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  function reset() {
    state.seed = state.strength = 1;
    get("strength").value = 1;
    for (const control of page.controls)
      for (let i = 0; i < control.size; i++)
        state.codes[control.start + i] = control.kind === "category" ? Number(i === 0)
          : control.kind === "choice" ? control.values[0] : (control.low + control.high) / 2;
  }

  function check() {
    const made = Net.run(page.layers, weights, page.check.latent), wanted = page.check.output;
    const size = Math.max(1, ...wanted.map(Math.abs));
    const difference = Math.max(...wanted.map((value, i) => Math.abs(value - made[i])));
    get("checked").textContent = `The generator runs in this page: ${weights.length.toLocaleString("en")} weights in `
      + `${page.precision}. Nothing is loaded or sent. On a fixed input it differs from PyTorch by at most `
      + `${difference.toPrecision(2)}.`;
    if (!(difference <= 0.02 * size)) {
      get("alarm").hidden = false;
      get("alarm").textContent = `This page does not compute what PyTorch does: it differs by ${difference.toPrecision(2)}.`;
    }
    return difference;
  }

  function build() {
    document.body.classList.toggle("table", !page.image);
    document.querySelector("h1").textContent = page.title;
    get("text").append(...page.text.map((part) => make("p", { textContent: part })));
    reset();
    const kinds = { category: addCategories, choice: addChoices, slider: addSliders };
    for (const control of page.controls) {
      const alone = control.size === 1;
      const box = alone ? make("div") : make("fieldset", {}, make("legend", { textContent: control.name }));
      kinds[control.kind](control, box);
      get("codes").append(box);
    }
    const noisy = page.noise.length > 0, first = page.controls.find((control) => control.high > control.low
      && control.kind === "slider");
    for (const id of ["draw", "others", "strength-label"]) get(id).hidden = !noisy;
    get("strip").hidden = !first;
    get("picture").hidden = !page.image;
    get("features").hidden = Boolean(page.image);
    get("invert-label").hidden = !page.image || page.image[0] !== 1;
    if (noisy) addOthers();
    if (!page.image) prepareFeatures();
    page.tables.forEach(addTable);
    get("draw").addEventListener("click", () => { state.seed++; show(); });
    get("shuffle").addEventListener("click", () => {
      page.controls.forEach((control) => drawInto(state.codes, control, Math.random));
      show();
    });
    get("reset").addEventListener("click", () => { reset(); show(); });
    get("play").addEventListener("click", play);
    get("strength").addEventListener("input", (event) => { state.strength = Number(event.target.value); show(); });
    get("invert").addEventListener("change", () => show());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show());
    if (first) activate(first, 0);
    show();
    return check();
  }

  const difference = build();
  return { latent, output, settle, difference, state };
})();
