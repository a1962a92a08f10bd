"use strict";
// Everything that is shown came from a model or a user: it is put in as text, never as HTML.
const $ = (id) => document.getElementById(id);
const TOKEN = new URLSearchParams(location.search).get("token") || "";
const REST = 350; // milliseconds after which a slider counts as resting
const COLUMNS = ["unsteered", "steered"];
let about = null;
let usual = null;
let scale = 0; // as it was given, until the slider is moved
let running = null;
let timer = 0;

const number = (value, digits = 2) => (value === null ? "?" : value.toFixed(digits));
const signed = (value, digits = 2) => {
  if (value === null) return "?";
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? size : (value > 0 ? "+" : "−") + size;
};
const knobs = () => ({ layer: about.layers[Number($("layer").value)], scale });

function complain(error) {
  $("error").textContent = error ? [error.happened, error.seen && `seen: ${error.seen}`, error.fix && `do: ${error.fix}`].filter(Boolean).join("\n") : "";
  $("error").hidden = !error;
}

const cause = (error) => error.told || { happened: `The server does not answer: ${error.message}`, fix: "Is steerstack play still running?" };

async function ask(path, body, signal) {
  const answer = await fetch(path, {
    method: "POST", signal, cache: "no-store", body: JSON.stringify(body),
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  let error = { happened: text };
  try { error = JSON.parse(text); } catch { /* plain text */ }
  throw Object.assign(new Error(error.happened), { told: error });
}

async function follow(path, body, signal, heard) {
  const reader = (await ask(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = JSON.parse(part.slice("data: ".length));
      if (event.error) throw Object.assign(new Error(event.error.happened), { told: event.error });
      heard(event);
    }
  }
}

// The question of before is given up: what is seen belongs to where the sliders stand now.
async function begin(work) {
  if (running) running.abort();
  const mine = new AbortController();
  running = mine;
  complain(null);
  try {
    await work(mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    complain(cause(error));
  } finally {
    if (running === mine) for (const column of COLUMNS) $(column).classList.remove("writing");
  }
}

function play() {
  return begin(async (signal) => {
    await answer(signal);
    await odds(signal);
  });
}

async function answer(signal) {
  if (!$("prompt").value.trim()) return;
  const fresh = new Set(COLUMNS);
  for (const column of COLUMNS) {
    $(column).classList.add("stale", "writing");
    $(`${column}-note`).textContent = "";
  }
  await follow("answer", { ...knobs(), prompt: $("prompt").value }, signal, (told) => {
    if (told.usual) return showUsual(told);
    const place = $(told.column);
    if (fresh.delete(told.column)) {
      place.textContent = "";
      place.classList.remove("stale");
    }
    if (told.pieces) return color(place, told);
    place.append(told.text);
  });
}

function color(place, told) {
  place.classList.remove("writing");
  place.replaceChildren(...told.pieces.map((piece) => {
    const one = document.createElement("span");
    const mean = piece.projections.reduce((sum, value) => sum + value, 0) / piece.projections.length;
    const far = (mean - usual.mean) / (3 * usual.deviation || 1);
    one.textContent = piece.text;
    one.title = `${piece.projections.map((value) => signed(value)).join(", ")} (neutral text ${signed(usual.mean)} ± ${number(usual.deviation)})`;
    one.style.backgroundColor = `rgba(var(--${far < 0 ? "low" : "high"}), ${(0.55 * Math.min(1, Math.abs(far))).toFixed(3)})`;
    return one;
  }));
  if (!told.pieces.length) place.textContent = "(The model ended its answer at once.)";
  $(`${told.column}-note`).textContent = told.column === "steered" ? `${told.edited} positions edited` : "No position edited";
}

function showUsual(told) {
  usual = told.usual;
  const ends = [-3, 0, 3].map((far) => usual.mean + far * usual.deviation);
  [$("low"), $("middle"), $("high")].forEach((place, index) => { place.textContent = signed(ends[index]); });
  $("legend-text").textContent = `Colour: projection of each token’s activation (${about.component}, layer ${told.layer}) on the vector’s unit direction, in the activations’ own units, as the unsteered model reads the text; so both columns compare. No colour is the mean of neutral text (${usual.n} tokens), full colour three standard deviations from it. Point at a token for its number.`;
  $("legend").hidden = false;
  $("share").textContent = told.share === null || !scale ? "" : `Scale ${number(scale)} adds ${number(Math.abs(told.share))} of the median norm of the activations at layer ${told.layer}.`;
}

async function odds(signal) {
  if (!about.items) return;
  $("rows").classList.add("stale");
  await follow("log-odds", knobs(), signal, showOdds);
}

function interval(estimate) {
  const bounds = estimate.ci_low !== null && estimate.ci_high !== null;
  return `${signed(estimate.value)} ${bounds ? `[${signed(estimate.ci_low)}, ${signed(estimate.ci_high)}]` : "[no interval]"}`;
}

function showOdds(told) {
  const rows = [
    { name: `mean of ${told.change.n}`, unsteered: told.unsteered.value, steered: told.steered.value, range: told.steered, all: true },
    ...told.items.map((item) => ({ name: item.question || item.id, ...item })),
  ];
  const values = rows.flatMap((row) => [row.unsteered, row.steered, row.range && row.range.ci_low, row.range && row.range.ci_high]);
  const most = Math.max(...values.filter(Number.isFinite).map(Math.abs), 1e-6) * 1.08;
  const at = (value) => `${50 + 50 * value / most}%`;
  $("rows").classList.remove("stale");
  $("rows").replaceChildren(...rows.map((row) => {
    const line = document.createElement("div");
    line.className = row.all ? "row all" : "row";
    const question = add(line, "question", row.name);
    question.title = row.name;
    const track = add(line, "track");
    add(track, "zero").style.left = at(0);
    if (row.range && row.range.ci_low !== null) {
      const span = add(track, "span");
      span.style.left = at(Math.max(row.range.ci_low, -most));
      span.style.width = `${50 * (Math.min(row.range.ci_high, most) - Math.max(row.range.ci_low, -most)) / most}%`;
    }
    add(track, "dot hollow").style.left = at(row.unsteered);
    add(track, "dot").style.left = at(row.steered);
    add(line, "numbers", `${signed(row.unsteered)} → ${signed(row.steered)}`);
    return line;
  }));
  $("odds-key").hidden = false;
  const mean = $("mean");
  mean.replaceChildren();
  add(mean, "", `Steered ${interval(told.steered)}, unsteered ${interval(told.unsteered)}; `, "span");
  add(mean, "", `change ${interval(told.change)}`, "strong");
  add(mean, "mute", ` (mean and ${Math.round(100 * told.change.level)} % interval, nats, n = ${told.change.n}${told.change.clusters ? ` in ${told.change.clusters} clusters` : ""})`, "span");
}

function add(parent, name, text = "", kind = "div") {
  const one = document.createElement(kind);
  if (name) one.className = name;
  one.textContent = text;
  parent.append(one);
  return one;
}

async function makeStudy() {
  const state = JSON.stringify(knobs());
  complain(null);
  try {
    await follow("study", knobs(), undefined, (told) => {
      if (state !== JSON.stringify(knobs())) return; // the sliders were moved meanwhile
      $("yaml").textContent = told.study;
      $("download").href = URL.createObjectURL(new Blob([told.study], { type: "application/yaml" }));
      $("made").hidden = false;
      $("copy").textContent = "Copy";
      $("made").scrollIntoView({ block: "nearest" });
    });
  } catch (error) {
    complain(cause(error));
  }
}

function showKnobs() {
  $("layer-value").textContent = knobs().layer;
  $("scale-value").textContent = number(scale);
}

function moved() {
  showKnobs();
  $("share").textContent = "";
  $("made").hidden = true;
  clearTimeout(timer);
  timer = setTimeout(play, REST);
}

async function start() {
  await follow("about", {}, undefined, (told) => { about = told; });
  $("what").textContent = `${about.model} with ${about.vector}, on ${about.tokens}${about.system ? `; system prompt: ${about.system}` : ""}`;
  Object.assign($("layer"), { min: 0, max: about.layers.length - 1, step: 1 });
  $("layer").value = about.layers.indexOf(about.layer);
  $("layer").disabled = about.layers.length === 1;
  Object.assign($("scale"), { min: -about.reach, max: about.reach, step: about.reach / 50 });
  $("scale").value = scale = about.scale;
  showKnobs();
  $("odds").hidden = $("study").hidden = !about.items;
  if (about.items) {
    const { behavior, n, unit, score, warning } = about.items;
    $("odds-about").textContent = `${unit[0].toUpperCase()}${unit.slice(1)} of ${behavior}, scored by ${score}: the first ${n} validation items, never picked. The test items stay unread until a study reads them.`;
    $("odds-warning").textContent = warning;
    $("odds-warning").hidden = !warning;
  }
  $("layer").addEventListener("input", moved);
  $("scale").addEventListener("input", () => { scale = Number($("scale").value); moved(); });
  $("ask").addEventListener("submit", (event) => { event.preventDefault(); play(); });
  $("make").addEventListener("click", makeStudy);
  $("copy").addEventListener("click", () => navigator.clipboard.writeText($("yaml").textContent).then(() => { $("copy").textContent = "Copied"; }));
  await play();
}

start().catch((error) => complain(cause(error)));
