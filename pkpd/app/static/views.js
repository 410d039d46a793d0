// The three views: courses, a virtual population, a response. Each asks for its numbers and shows them.

import { $, el, timeWords, withUnit } from "./dom.js";
import { canvasPanel, drawHeatMap, drawWaterfall } from "./canvases.js";
import { shownValue } from "./parameters.js";
import { layOut, titled } from "./panels.js";

/** What every panel over time has in common. */
function overTime(state, name, x) {
  const data = state.observed?.series.filter((s) => s.output === name) ?? [];
  return { ...titled(state, name), x, times: true, xLabel: `Time (${timeWords(state.model.time)})`, log: state.log, marks: true, data };
}

export const courses = {
  question: (state) => ({ kind: "courses", scene: state.scene }),
  show(state, { arrays }, panels) {
    const { arms, outputs, points } = state.asked.scene;
    panels.show(outputs.map((name, k) => ({
      ...overTime(state, name, arrays.times),
      series: arms.map((_, i) => {
        const from = (i * outputs.length + k) * points;
        return { arm: i, kind: "curve", values: arrays.y.subarray(from, from + points) };
      }),
    })));
  },
  controls: () => [],
};

export const population = {
  question: (state) => ({ kind: "population", scene: state.scene, population: state.population }),
  show(state, { head, arrays }, panels) {
    const { arms, outputs, points } = state.asked.scene;
    const series = (k) => arms.flatMap((_, i) => ["high", "low", "curve"].map((kind) => {
      const p = { low: 0, curve: 1, high: 2 }[kind];
      const from = ((i * outputs.length + k) * 3 + p) * points;
      return { arm: i, kind, values: arrays.bands.subarray(from, from + points) };
    }));
    panels.show(outputs.map((name, k) => ({ ...overTime(state, name, arrays.times), series: series(k) })));
    waterfalls(state, head, arrays);
  },
  controls: populationControls,
};

function waterfalls(state, head, arrays) {
  const { arms } = state.asked.scene;
  const { members, change } = state.asked.population;
  const key = `waterfall ${arms.map((a) => a.name)} ${change} ${members}`;
  const root = $("more");
  if (head.no_change) {
    root.replaceChildren(el("p", { class: "muted" }, `No waterfall: ${head.no_change}`));
    root.dataset.key = "";
    return;
  }
  if (root.dataset.key !== key) {
    root.dataset.key = key;
    root.replaceChildren();
    state.canvases = arms.map((arm) => canvasPanel(root, el("h3", {}, el("b", {}, arm.name), ` Best change of ${change}, ${members} members`), `Waterfall of ${arm.name}`));
    layOut();
  }
  state.canvases.forEach((canvas, i) => drawWaterfall(canvas, arrays.change.subarray(i * members, (i + 1) * members), head.lines, i));
}

function populationControls(state, changed, rebuild) {
  const people = state.population;
  const numeric = (key, label, low, high) => {
    const box = el("input", { type: "number", min: low, max: high, step: 1, ".value": people[key], "aria-label": label, class: "w6", onchange: () => {
      people[key] = Math.min(high, Math.max(low, Math.round(Number(box.value) || low)));
      box.value = people[key];
      changed();
    } });
    return el("label", {}, `${label} `, box);
  };
  const declared = state.model.parameters.filter((p) => p.cv !== null);
  const varied = [...declared, ...state.model.parameters.filter((p) => p.cv === null && p.name in people.spread)];
  const chips = varied.map((p) => spreadChip(p, people, changed, rebuild));
  const rest = state.model.parameters.filter((p) => !varied.includes(p) && p.value > 0);
  const add = el("select", { "aria-label": "Let a parameter vary", onchange: () => {
    people.spread[add.value] = 0.3;
    rebuild();
    changed();
  } }, el("option", { value: "" }, "+ vary…"), rest.map((p) => el("option", { value: p.name }, p.name)));
  return [
    numeric("members", "Members", 2, 20000), numeric("seed", "Seed", 0, 2 ** 31),
    el("label", {}, "Waterfall of ", outputSelect(state, people.change, (name) => { people.change = name; changed(); })),
    el("details", { class: "varies", open: varied.length <= 4 }, el("summary", {}, `${varied.length} ${varied.length === 1 ? "parameter varies" : "parameters vary"}, CV in %`),
      el("div", { class: "chips", role: "group", "aria-label": "What varies, as a coefficient of variation" }, chips, add)),
  ];
}

/** A parameter that varies, with its coefficient of variation in percent. */
function spreadChip(p, people, changed, rebuild) {
  const cv = people.spread[p.name] ?? p.cv;
  const box = el("input", { type: "number", min: 0, max: 500, step: "any", class: "w4", ".value": Number((100 * cv).toPrecision(3)), "aria-label": `CV of ${p.name}, in percent`, onchange: () => {
    people.spread[p.name] = Math.min(5, Math.max(0, Number(box.value) / 100));
    changed();
  } });
  const remove = p.cv === null ? el("button", { class: "quiet", "aria-label": `${p.name} does not vary`, onclick: () => {
    delete people.spread[p.name];
    rebuild();
    changed();
  } }, "✕") : null;
  return el("span", { class: "spread", title: p.meaning }, p.name, " ", box, remove);
}

export const response = {
  question: (state) => ({ kind: "response", scene: state.scene, response: state.response }),
  show(state, { head, arrays }, panels) {
    const { axes, output, kind } = state.asked.response;
    const title = { title: output, meaning: KINDS[kind], unit: head.units };
    const { arms } = state.asked.scene;
    const labels = axes.map((a) => withUnit(a.parameter, parameter(state, a.parameter).unit));
    const size = axes.reduce((product, a) => product * a.count, 1);
    const part = (i) => arrays.z.subarray(i * size, (i + 1) * size);
    if (axes.length === 1) {
      $("more").replaceChildren();
      $("more").dataset.key = "";
      panels.show([{ ...title, x: arrays.axis0, xLabel: labels[0], xLog: axes[0].log, log: state.log,
        at: shownValue(state, parameter(state, axes[0].parameter)), series: arms.map((_, i) => ({ arm: i, kind: "points", values: part(i) })) }]);
      return;
    }
    panels.clear();
    heatMaps(state, title, arrays, labels, part);
  },
  controls: responseControls,
};

const KINDS = { last: "at the end", min: "lowest", max: "highest", auc: "area under the curve" };
const parameter = (state, name) => state.model.parameters.find((p) => p.name === name);

function heatMaps(state, { title, meaning, unit: units }, arrays, labels, part) {
  const { arms } = state.asked.scene;
  const { axes } = state.asked.response;
  const root = $("more");
  const key = `heat ${arms.map((a) => a.name)} ${title} ${meaning}`;
  if (root.dataset.key !== key) {
    root.dataset.key = key;
    root.replaceChildren();
    state.canvases = arms.map((arm) => canvasPanel(root, el("h3", {}, el("b", {}, arm.name), ` ${title}, ${meaning}`), `Heat map of ${arm.name}`));
    layOut();
  }
  const finite = Array.from(arrays.z).filter(Number.isFinite);
  const range = [finite.reduce((a, b) => Math.min(a, b), Infinity), finite.reduce((a, b) => Math.max(a, b), -Infinity)];
  const axis = (k) => ({ values: arrays[`axis${k}`], log: axes[k].log, label: labels[k] });
  const at = axes.map((a) => shownValue(state, parameter(state, a.parameter)));
  state.canvases.forEach((canvas, i) => drawHeatMap(canvas, { z: part(i), across: axis(0), up: axis(1), label: units, range, at }));
}

function responseControls(state, changed, rebuild) {
  const { response: asked } = state;
  const kind = el("select", { "aria-label": "Number of each course", onchange: () => { asked.kind = kind.value; changed(); } },
    Object.entries(KINDS).map(([value, words]) => el("option", { value, selected: value === asked.kind }, words)));
  const second = asked.axes.length > 1;
  return [
    el("label", {}, outputSelect(state, asked.output, (name) => { asked.output = name; changed(); }), " ", kind),
    el("span", { class: "axis" }, "across ", axisControls(state, 0, changed, rebuild)),
    second ? el("span", { class: "axis" }, "up ", axisControls(state, 1, changed, rebuild)) : null,
    el("button", { class: "quiet", onclick: () => {
      asked.axes = second ? asked.axes.slice(0, 1) : [...asked.axes, axisFor(state.model.parameters.find((p) => p.name !== asked.axes[0].parameter), 15)];
      if (!second) asked.axes[0].count = Math.min(asked.axes[0].count, 15);
      rebuild();
      changed();
    } }, second ? "remove second axis" : "+ second axis"),
  ];
}

/** An axis over the range of a slider. */
export const axisFor = (p, count = 25) => ({ parameter: p.name, first: p.low, last: p.high, count, log: p.log });

function axisControls(state, k, changed, rebuild) {
  const axis = state.response.axes[k];
  const choose = el("select", { "aria-label": "Parameter of the axis", onchange: () => {
    state.response.axes[k] = axisFor(parameter(state, choose.value), axis.count);
    rebuild();
    changed();
  } }, state.model.parameters.map((p) => el("option", { value: p.name, selected: p.name === axis.parameter }, p.name)));
  const box = (key, label) => {
    const input = el("input", { type: "number", step: key === "count" ? 1 : "any", class: key === "count" ? "w3" : "w5", ".value": axis[key], "aria-label": label, onchange: () => {
      if (input.value === "") return;
      axis[key] = key === "count" ? Math.min(200, Math.max(2, Math.round(Number(input.value)))) : Number(input.value);
      changed();
    } });
    return input;
  };
  const log = el("input", { type: "checkbox", ".checked": axis.log, onchange: () => { axis.log = log.checked; changed(); } });
  return [choose, " ", box("first", "From"), " to ", box("last", "To"), " in ", box("count", "Points"), el("label", { class: "check" }, log, " log")];
}

function outputSelect(state, chosen, set) {
  const select = el("select", { "aria-label": "State or output", onchange: () => set(select.value) },
    state.model.observables.map((o) => el("option", { value: o.name, selected: o.name === chosen, title: o.meaning }, o.name)));
  return select;
}
