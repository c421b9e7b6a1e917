"use strict";
// Draws the report: the figures of the whole run once, those of an image anew for each image and step.
const run = JSON.parse(document.getElementById("run").textContent);
const byId = (id) => document.getElementById(id);
const options = { responsive: true, displaylogo: false };
const PART = run.part, FLITS = run.flits;
const plain = run.layers.map((layer, i) => i).filter((i) => !run.layers[i].map);
const mapped = run.layers.map((layer, i) => i).filter((i) => run.layers[i].map);
const used = run.nodes.map((node, i) => i).filter((i) => run.nodes[i].layer > 0);
const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
const state = { image: null, at: 0, timer: null };

function plot(id) {
  const figure = run.figures[id];
  if (figure) Plotly.newPlot(byId(id), figure.data, figure.layout, options);
}

// What of an image does not change with the step: how much each link and node carries at most, spikes by step.
function prepared(image) {
  const most = (moves) => Math.max(1, ...image.flits.map((nodes) => Math.max(...nodes.map((one) => Math.max(...moves.map((m) => one[m]))))));
  image.links = most([FLITS.EAST, FLITS.WEST, FLITS.NORTH, FLITS.SOUTH, FLITS.HOST]);
  image.taken = most([FLITS.TAKEN]);
  image.perStep = image.spikes.map(([steps]) => {
    const found = new Map();
    for (const step of steps) found.set(step, (found.get(step) || 0) + 1);
    return found;
  });
  return image;
}

const stepOf = (image, at) => image.steps[at] < 0 ? "report" : image.steps[at];

function choose(number) {
  const image = state.image = prepared(run.images[number]);
  byId("step").max = image.steps.length - 1;
  plain.forEach((i, k) => Plotly.restyle("raster", { x: [image.spikes[i][0]], y: [image.spikes[i][1]] }, [2 * k]));
  const steps = image.steps.map((_, at) => String(stepOf(image, at)));
  const means = Object.values(PART).map((part) => image.parts.map((nodes) => used.reduce((sum, i) => sum + nodes[i][part], 0) / used.length));
  Plotly.restyle("steps", { x: means.map(() => steps), y: means });
  const decided = `class ${image.label}, decided ${image.decision} at step ${image.step}`;
  byId("decided").textContent = decided + (image.decision === image.label ? "" : ": wrong");
  byId("decided").className = image.decision === image.label ? "pass" : "wrong";
  show(Math.min(state.at, image.steps.length - 1));
}

function show(at) {
  const image = state.image;
  state.at = at;
  byId("step").value = at;
  const step = image.steps[at] < 0 ? Infinity : image.steps[at];
  const moved = image.flits[at], parts = image.parts[at], length = image.lengths[at];
  const sum = (move) => moved.reduce((total, one) => total + one[move], 0);
  const work = parts.map((one) => one[PART.SWEEP] + one[PART.SPIKES]);
  const share = used.reduce((total, i) => total + work[i], 0) / (used.length * length);
  const links = sum(FLITS.EAST) + sum(FLITS.WEST) + sum(FLITS.NORTH) + sum(FLITS.SOUTH);
  byId("told").textContent = `step ${stepOf(image, at)} (${at + 1} of ${image.steps.length}): ${count(length, "cycle")}; ` +
    `${count(image.perStep[0].get(step) || 0, "input spike")}, ${count(sum(FLITS.SENT), "spike")} of PEs; ` +
    `${count(links, "flit")} over links; adders of PEs with neurons busy ${(100 * share).toFixed(0)} %`;
  drawRaster(image, step);
  drawMaps(image, step);
  drawMesh(image, moved, work, length);
  const mark = { type: "line", x0: at, x1: at, yref: "paper", y0: 0, y1: 1, line: { color: "#000", width: 1 } };
  Plotly.relayout("steps", { shapes: [mark] });
}

function drawRaster(image, step) {
  if (!plain.length) return;
  const xs = [], ys = [], traces = [];
  plain.forEach((i, k) => {
    const [steps, neurons] = image.spikes[i];
    xs.push(steps.filter((t) => t <= step));
    ys.push(neurons.filter((_, j) => steps[j] <= step));
    traces.push(2 * k + 1);
  });
  const at = Math.min(step, run.steps - 1);
  const line = (x, colour, dash) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: colour, width: 1, dash } });
  Plotly.restyle("raster", { x: xs, y: ys }, traces);
  Plotly.relayout("raster", { shapes: [line(at, "#000", "solid"), line(image.step, "#d55e00", "dot")] });
}

// Maps side by side, a sheet a layer; a position has the step of its first spike, if that has come.
function drawMaps(image, step) {
  if (!mapped.length) return;
  const sheets = mapped.map((i) => {
    const [rows, cols, channels] = run.layers[i].map;
    const across = Math.min(channels, Math.max(1, Math.round(Math.sqrt(channels * 8 * rows / cols))));
    const down = Math.ceil(channels / across);
    const sheet = Array.from({ length: down * (rows + 1) - 1 }, () => new Array(across * (cols + 1) - 1).fill(null));
    const [steps, outputs] = image.spikes[i];
    for (let j = steps.length - 1; j >= 0; j--) {
      if (steps[j] > step) continue;
      const channel = outputs[j] % channels, place = Math.floor(outputs[j] / channels);
      if (place >= rows * cols) continue; // a bias
      const y = Math.floor(channel / across) * (rows + 1) + Math.floor(place / cols);
      sheet[y][(channel % across) * (cols + 1) + place % cols] = steps[j];
    }
    return sheet;
  });
  Plotly.restyle("maps", { z: sheets }, mapped.map((_, k) => k));
}

const LINKS = [["EAST", 1, 0], ["WEST", -1, 0], ["NORTH", 0, 1], ["SOUTH", 0, -1]];

function drawMesh(image, moved, work, length) {
  const shapes = [];
  // The two ways of a link lie side by side.
  const link = (x, y, dx, dy, flits) => {
    if (!flits) return;
    const aside = 0.09, part = flits / image.links;
    const [x0, y0] = [x - dy * aside, y + dx * aside];
    shapes.push({
      type: "line", layer: "below", x0, y0, x1: x0 + dx, y1: y0 + dy,
      line: { width: 1.5 + 8 * part, color: `rgba(213, 94, 0, ${0.35 + 0.65 * part})` },
    });
  };
  run.nodes.forEach((node, i) => LINKS.forEach(([name, dx, dy]) => link(node.x, node.y, dx, dy, moved[i][FLITS[name]])));
  link(-1, 0, 1, 0, moved[0][FLITS.HOST]);
  const said = run.nodes.map((node, i) => {
    const one = moved[i];
    return `node (${node.x}, ${node.y}), ${node.layer ? `layer ${node.layer}, ${count(node.neurons, "neuron")}` : "no neurons"}` +
      `<br>spikes taken ${one[FLITS.TAKEN]}, sent ${one[FLITS.SENT]}; flits to the PE ${one[FLITS.LOCAL]}` +
      (i === 0 ? `<br>flits of the host ${one[FLITS.HOST]}` : "") +
      `<br>flits east ${one[FLITS.EAST]}, west ${one[FLITS.WEST]}, north ${one[FLITS.NORTH]}, south ${one[FLITS.SOUTH]}`;
  });
  const taken = moved.map((one) => one[FLITS.TAKEN]);
  Plotly.update("traffic", {
    text: [taken.map((value) => value || "")], customdata: [said], "marker.color": [taken], "marker.cmax": image.taken,
  }, { shapes });
  const z = Array.from({ length: run.rows }, (_, y) => Array.from({ length: run.cols }, (_, x) => 100 * work[y * run.cols + x] / length));
  Plotly.restyle("busy", { z: [z] });
}

function drawWrong() {
  for (const one of run.wrong.shown) {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    if (one.picture) {
      const { rows, cols, data } = one.picture, bytes = atob(data);
      const canvas = document.createElement("canvas");
      canvas.width = cols;
      canvas.height = rows;
      const pixels = new ImageData(cols, rows);
      for (let i = 0; i < rows * cols; i++) pixels.data.set([0, 1, 2].map(() => bytes.charCodeAt(i)).concat(255), 4 * i);
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      figure.append(canvas);
    }
    caption.textContent = `image ${one.index}: ${one.label}, decided ${one.decision}` +
      (one.golden === one.decision ? "" : `, golden ${one.golden}`);
    figure.append(caption);
    byId("wrong").append(figure);
  }
}

function play() {
  const stop = state.timer !== null;
  clearInterval(state.timer);
  state.timer = null;
  byId("play").textContent = stop ? "Play" : "Pause";
  if (stop) return;
  if (state.at >= state.image.steps.length - 1) show(0);
  state.timer = setInterval(() => {
    if (state.at < state.image.steps.length - 1) show(state.at + 1);
    else play();
  }, 350);
}

for (const id of ["raster", "maps", "traffic", "busy", "steps", "cycles", "confusion", "energy"]) plot(id);
drawWrong();
run.images.forEach((image, i) => byId("image").add(new Option(`image ${image.index}: class ${image.label}`, i)));
byId("image").addEventListener("change", (event) => choose(Number(event.target.value)));
byId("step").addEventListener("input", (event) => show(Number(event.target.value)));
byId("play").addEventListener("click", play);
choose(0);
document.body.dataset.drawn = "yes";
