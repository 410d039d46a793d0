// The page: one state, which the parts change, and one question at a time to the server.

import { $, capital, el, timeWords } from "./dom.js";
import { Line } from "./socket.js";
import { Sliders } from "./parameters.js";
import { Timeline } from "./timeline.js";
import { Treatment } from "./treatment.js";
import { Panels } from "./panels.js";
import { axisFor, courses, population, response } from "./views.js";
import { dataDialog, exportMenu, modelDialog } from "./dialogs.js";

const VIEWS = { courses, population, response };
const MOST_OUTPUTS = 12;

const state = {
  model: null, scene: null, selected: 0, reach: "all", view: "courses", log: false,
  population: null, response: null, data: null, observed: null, text: null,
  asked: null, // the question whose answer is shown
};
let updates = [];

const line = new Line((connected) => {
  if (!connected) say("The connection to pkpd was lost. If it was ended, start `pkpd app` again; this page then goes on.");
  else if (state.model) reopened();
});

const treatment = new Treatment(state, treated, selected);
const sliders = new Sliders(state, refresh);
const timeline = new Timeline(state, () => { treatment.buildRows(); treated(); });
const panels = new Panels(el("div", { id: "curves" }), state);
panels.root.className = "panels";
$("panels").append(panels.root, el("div", { id: "more", class: "panels" }));

/** Something of the treatment has changed. */
function treated() {
  timeline.draw();
  refresh();
}

/** Another arm is selected, or was renamed. */
function selected() {
  timeline.draw();
  sliders.show();
  panels.clear();
  refresh();
}

/** Ask for what is to be seen now; while an answer is awaited the newest question waits. */
function refresh() {
  const view = VIEWS[state.view];
  const question = structuredClone(view.question(state));
  line.newest("view", question, (answer, took) => {
    if (question.kind !== state.view || question.scene.model !== state.model.model) return;
    state.asked = question;
    state.shown = answer;
    $("message").hidden = true;
    view.show(state, answer, panels);
    noted(answer.head.notes, took);
  }, (error) => say(error.message));
}

function noted(notes, took) {
  const now = performance.now();
  updates = [...updates.filter((t) => now - t < 1000), now];
  $("speed").textContent = `${took.toFixed(0)} ms${updates.length > 2 ? ` · ${updates.length} updates/s` : ""}`;
  const unmatched = state.observed?.unmatched ?? [];
  const data = unmatched.length ? [`No arm is called ${unmatched.join(", ")}: its data are gray.`] : [];
  $("notes").textContent = [...(notes ?? []), ...data].map(capital).join("  ");
  document.body.dataset.updates = String(Number(document.body.dataset.updates ?? 0) + 1);
}

/** Show a message in place, until the next answer. */
function say(text) {
  $("message").textContent = text;
  $("message").hidden = false;
}

/** Begin with a model that the server has described. */
function begin(model, text = null) {
  const first = model.observables.find((o) => o.name === model.scene.outputs[0]);
  Object.assign(state, {
    model, text, scene: structuredClone(model.scene), selected: model.scene.arms.length - 1, data: null, observed: null, shown: null,
    population: { members: 200, seed: 1, spread: {}, change: first.name },
  });
  const able = model.parameters.find((p) => p.cv !== null) ?? model.parameters[0];
  state.response = able ? { axes: [axisFor(able)], output: first.name, kind: "last" } : null;
  if (!model.parameters.some((p) => p.cv !== null) && able) state.population.spread[able.name] = 0.3;
  const tab = document.querySelector("#views [data-view=response]");
  tab.disabled = !state.response;
  if (tab.disabled && state.view === "response") state.view = "courses";
  $("model-name").textContent = model.name;
  $("model-title").textContent = model.title === model.name ? "" : model.title;
  $("time-unit").textContent = timeWords(model.time);
  $("end").value = state.scene.end;
  document.title = `${model.name} – pkpd`;
  panels.clear();
  $("more").replaceChildren();
  sliders.build();
  treatment.build();
  timeline.draw();
  buildOutputs();
  show(state.view);
}

async function load(question, text = null) {
  const { head } = await line.ask(question);
  begin(head, text);
}

/** After a new connection a model that was opened as text is opened again. */
async function reopened() {
  try {
    if (state.text !== null) await line.ask({ kind: "open", text: state.text });
    refresh();
  } catch (error) {
    say(error.message);
  }
}

function buildOutputs() {
  const { outputs } = state.scene;
  const chips = outputs.map((name) =>
    el("span", { class: "spread" }, name, el("button", {
      class: "quiet", "aria-label": `Do not show ${name}`, disabled: outputs.length === 1,
      onclick: () => setOutputs(outputs.filter((o) => o !== name)),
    }, "✕")));
  const rest = state.model.observables.filter((o) => !outputs.includes(o.name));
  const add = el("select", { id: "add-output", "aria-label": "Show another state or output", disabled: outputs.length >= MOST_OUTPUTS, onchange: () => setOutputs([...outputs, add.value]) },
    el("option", { value: "" }, "+ show…"),
    rest.map((o) => el("option", { value: o.name }, `${o.name}${o.meaning && o.meaning !== o.name ? ` – ${o.meaning}` : ""}`)));
  $("outputs").replaceChildren(...chips, add);
}

function setOutputs(outputs) {
  state.scene.outputs = outputs;
  buildOutputs();
  refresh();
}

/** Show one of the views. */
function show(view) {
  state.view = view;
  for (const tab of document.querySelectorAll("#views button")) tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  document.body.dataset.view = view;
  panels.clear();
  $("more").replaceChildren();
  $("more").dataset.key = "";
  buildControls();
  refresh();
}

function buildControls() {
  $("controls").replaceChildren(...VIEWS[state.view].controls(state, refresh, buildControls).filter(Boolean));
}

for (const tab of document.querySelectorAll("#views button")) {
  tab.addEventListener("click", () => show(tab.dataset.view));
  tab.addEventListener("keydown", (event) => {
    const tabs = [...document.querySelectorAll("#views button")];
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length].focus();
  });
}
$("end").addEventListener("change", () => {
  const end = Number($("end").value);
  if (!(end > 0)) return say(`The last time is ${$("end").value || "empty"}; expected a number above 0.`);
  state.scene.end = end;
  treated();
});
$("log").addEventListener("change", () => {
  state.log = $("log").checked;
  refresh();
});
window.addEventListener("resize", () => state.view !== "courses" && refresh());

/** Lay data over the courses, or remove them. */
async function lay(text) {
  if (text === null) {
    Object.assign(state, { data: null, observed: null });
  } else {
    const { head } = await line.ask({ kind: "data", scene: state.scene, text });
    Object.assign(state, { data: text, observed: head });
    const more = head.outputs.filter((o) => !state.scene.outputs.includes(o));
    if (more.length) setOutputs([...state.scene.outputs, ...more].slice(0, MOST_OUTPUTS));
  }
  refresh();
  return state.observed;
}

/** What a file is made of. */
const seen = () => ({
  scene: state.scene, log: state.log,
  population: state.view === "population" ? state.population : null,
  response: state.view === "response" ? state.response : null,
  data: state.view === "courses" ? state.data : null,
});

async function start() {
  const dialog = modelDialog(load, line);
  dataDialog(lay);
  exportMenu(state, seen, line, say);
  const { head } = await line.ask({ kind: "start" });
  await load({ kind: "describe", model: head.start });
  dialog.fill((await line.ask({ kind: "catalog" })).head.models);
}

globalThis.explorer = state; // for the console, and for tests
start().catch((error) => say(error.message));
