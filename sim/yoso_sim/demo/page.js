"use strict";
// Sends what is drawn to the simulator and plays back, step by step, what the RTL did with it.
const byId = (id) => document.getElementById(id);
const LAYERS = ["#444444", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442"];
const LINKS = [["EAST", 1, 0], ["WEST", -1, 0], ["NORTH", 0, 1], ["SOUTH", 0, -1]];
const STEP_MS = 450; // a step in playback, whatever it took on the chip
const MOST_DOTS = 8; // of a link in a step
const colour = (layer) => LAYERS[layer % LAYERS.length];
const paper = byId("paper"), ink = paper.getContext("2d", { willReadFrequently: true });
let about = null, run = null, drawing = null, asked = 0;
let at = 0, part = 0, playing = false, last = 0; // playback: step, how much of it is over

// ---- drawing ----------------------------------------------------------------------------------------------

function blank() {
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, paper.width, paper.height);
}

function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) * paper.width / box.width, (event.clientY - box.top) * paper.height / box.height];
}

function stroke(event) {
  const [x, y] = place(event);
  ink.strokeStyle = "#fff";
  ink.lineCap = ink.lineJoin = "round";
  ink.lineWidth = Math.max(8, Math.min(paper.width, paper.height) / 13);
  ink.beginPath();
  ink.moveTo(...drawing);
  ink.lineTo(x, y);
  ink.stroke();
  drawing = [x, y];
}

paper.addEventListener("pointerdown", (event) => {
  paper.setPointerCapture(event.pointerId);
  drawing = place(event);
  stroke(event);
});
paper.addEventListener("pointermove", (event) => { if (drawing) stroke(event); });
paper.addEventListener("pointerup", () => {
  if (drawing) classify(byId("mnist").checked);
  drawing = null;
});
byId("clear").addEventListener("click", blank);
byId("mnist").addEventListener("change", () => classify(byId("mnist").checked));

function show(canvas, pixels, rows, cols) {
  const image = new ImageData(cols, rows);
  for (let i = 0; i < rows * cols; i++) image.data.set([pixels[i], pixels[i], pixels[i], 255], 4 * i);
  canvas.width = cols;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const decoded = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

byId("sample").addEventListener("click", async () => {
  const number = Math.floor(Math.random() * about.samples);
  const found = await ask(`sample/${number}`);
  if (!found) return;
  const small = document.createElement("canvas");
  show(small, decoded(found.pixels), about.rows, about.cols);
  ink.imageSmoothingEnabled = false;
  ink.drawImage(small, 0, 0, paper.width, paper.height);
  classify(false, `test image ${number} is class ${found.label}`);
});

// ---- asking -----------------------------------------------------------------------------------------------

async function ask(path, options) {
  let problem;
  try {
    const answer = await fetch(path, options);
    const found = await answer.json();
    if (answer.ok) return found;
    problem = found.error;
  } catch (error) {
    problem = "the simulator does not answer: is yoso demo still running?";
  }
  verdict(problem, "wrong");
  return null;
}

function verdict(text, kind) {
  byId("verdict").textContent = text;
  byId("verdict").className = kind;
}

async function classify(mnist, said = "") {
  const number = ++asked;
  const data = ink.getImageData(0, 0, paper.width, paper.height).data;
  const grey = Uint8Array.from({ length: paper.width * paper.height }, (_, i) => data[4 * i]);
  const path = `classify?rows=${paper.height}&cols=${paper.width}&mnist=${Number(mnist)}`;
  const found = await ask(path, { method: "POST", body: grey });
  if (!found || number !== asked) return; // another drawing came meanwhile
  run = found;
  show(byId("seen"), decoded(run.pixels), about.rows, about.cols);
  const step = (one) => one.spiked ? `at step ${one.step}` : `by the highest V, step ${one.step}`;
  byId("rtl").textContent = run.rtl.decision;
  byId("rtl-step").textContent = step(run.rtl);
  byId("golden").textContent = run.golden.decision;
  byId("golden-step").textContent = step(run.golden);
  const same = run.differences.length === 0;
  verdict(same ? `${run.spikes_compared} spikes compared, 0 differ${said && `; ${said}`}` : run.differences[0], same ? "pass" : "wrong");
  byId("cost").textContent = `${run.cycles.toLocaleString("en")} cycles in ${run.steps.length} steps; simulated in ` +
    `${(1000 * run.seconds).toFixed(0)} ms, shown in slow motion`;
  byId("step").max = run.steps.length - 1;
  document.body.dataset.image = number;
  go(0, true);
}

// ---- playback ---------------------------------------------------------------------------------------------

function go(step, play) {
  [at, part, playing, last] = [step, 0, play, 0];
  byId("play").textContent = playing ? "Pause" : "Play";
  draw();
  if (playing) requestAnimationFrame(frame);
}

function frame(now) {
  if (!playing) return;
  part += last ? (now - last) / STEP_MS : 0;
  last = now;
  if (part >= 1) {
    if (at + 1 >= run.steps.length) return go(at, false);
    [at, part] = [at + 1, 0];
  }
  draw();
  requestAnimationFrame(frame);
}

byId("play").addEventListener("click", () => { if (run) go(!playing && at + 1 >= run.steps.length ? 0 : at, !playing); });
byId("step").addEventListener("input", (event) => { if (run) go(Number(event.target.value), false); });

function draw() {
  byId("step").value = at;
  const flits = run.flits[at], sum = (move) => flits.reduce((total, one) => total + one[about.flits[move]], 0);
  const name = run.steps[at] < 0 ? "the report of potentials" : `step ${run.steps[at]}`;
  byId("told").textContent = `${name}: ${run.lengths[at]} cycles, ${sum("HOST")} flits of the host, ${sum("SENT")} spikes of PEs`;
  drawChip();
  drawRaster();
}

function drawChip() {
  const canvas = byId("chip"), pen = canvas.getContext("2d");
  const [cols, rows] = about.mesh, size = Math.min(canvas.width / (cols + 0.7), canvas.height / (rows + 0.2));
  const centre = (x, y) => [(x + 1) * size, canvas.height - (y + 0.6) * size]; // node (0, 0) is at the bottom left
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const dots = (x, y, dx, dy, flits, tint) => {
    if (!flits) return;
    const aside = 0.09, [x0, y0] = centre(x - dy * aside, y + dx * aside), [x1, y1] = centre(x - dy * aside + dx, y + dx * aside + dy);
    pen.strokeStyle = "rgba(213, 94, 0, 0.35)";
    pen.lineWidth = 1 + Math.min(6, Math.log2(1 + flits));
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.fillStyle = tint;
    const count = Math.min(MOST_DOTS, flits);
    for (let k = 0; k < count; k++) {
      const along = (part + k / count) % 1;
      pen.beginPath();
      pen.arc(x0 + (x1 - x0) * along, y0 + (y1 - y0) * along, Math.max(2, size / 26), 0, 7);
      pen.fill();
    }
  };
  const one = (i) => run.flits[at][i];
  about.nodes.forEach((node, i) => LINKS.forEach(([way, dx, dy]) => dots(node.x, node.y, dx, dy, one(i)[about.flits[way]], "#d55e00")));
  dots(-1, 0, 1, 0, one(0)[about.flits.HOST], "#444444");
  const half = size * 0.27;
  about.nodes.forEach((node, i) => {
    const [x, y] = centre(node.x, node.y), parts = run.parts[at][i];
    const busy = (parts[about.part.SWEEP] + parts[about.part.SPIKES]) / run.lengths[at];
    pen.fillStyle = "#fff";
    pen.fillRect(x - half, y - half, 2 * half, 2 * half);
    pen.fillStyle = colour(node.layer);
    pen.globalAlpha = 0.75;
    pen.fillRect(x - half, y + half - 2 * half * busy, 2 * half, 2 * half * busy);
    pen.globalAlpha = 1;
    pen.strokeStyle = node.layer ? colour(node.layer) : "#cccccc";
    pen.lineWidth = node.layer ? 2 : 1;
    pen.strokeRect(x - half, y - half, 2 * half, 2 * half);
    if (one(i)[about.flits.SENT]) {
      pen.fillStyle = "#000";
      pen.font = `${Math.round(half)}px system-ui`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(one(i)[about.flits.SENT], x, y);
    }
  });
}

function drawRaster() {
  const canvas = byId("raster"), pen = canvas.getContext("2d");
  const left = 60, layers = run.spikes.length, high = (canvas.height - 20) / layers;
  const step = run.steps[at] < 0 ? about.steps : run.steps[at];
  const across = (t) => left + (t + 0.5) * (canvas.width - left) / about.steps;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.font = "12px system-ui";
  run.spikes.forEach(([steps, neurons], layer) => {
    const bottom = canvas.height - 20 - layer * high, size = about.sizes[layer], tall = high - 12;
    pen.fillStyle = "#222";
    pen.fillText(layer ? `layer ${layer}` : "input", 0, bottom - tall / 2);
    pen.strokeStyle = "#dddddd";
    pen.strokeRect(left, bottom - tall, canvas.width - left - 1, tall);
    steps.forEach((t, i) => {
      pen.fillStyle = t <= step ? colour(layer) : "#e4e4e4";
      const dot = size > 60 ? 2 : 5;
      pen.fillRect(across(t) - dot / 2, bottom - (neurons[i] + 0.5) * tall / size - dot / 2, dot, dot);
    });
  });
  pen.strokeStyle = "#000";
  pen.beginPath();
  pen.moveTo(across(Math.min(step, about.steps - 1)), 0);
  pen.lineTo(across(Math.min(step, about.steps - 1)), canvas.height - 20);
  pen.stroke();
  pen.fillStyle = "#666";
  pen.fillText(`time step, 0 to ${about.steps - 1}`, left, canvas.height - 4);
}

async function begin() {
  blank();
  about = await ask("about");
  if (!about) return;
  const scale = Math.max(1, Math.floor(280 / Math.max(about.rows, about.cols)));
  paper.width = scale * about.cols;
  paper.height = scale * about.rows;
  blank();
  byId("title").textContent = `${about.network} (${about.shape}) on ${about.mesh[0]} x ${about.mesh[1]} PEs, simulated RTL`;
  byId("mnist").checked = about.mnist;
  byId("sample").hidden = about.samples === 0;
  document.body.dataset.ready = "yes";
}

begin();
