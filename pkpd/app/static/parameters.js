// Sliders: a parameter with its value, unit, meaning, source and alternatives.

import { $, el, number, unit } from "./dom.js";

const STEPS = 1000;

/** The value at a position of a slider, to three digits. */
export function valueAt(p, position) {
  const share = position / STEPS;
  const value = p.log ? p.low * (p.high / p.low) ** share : p.low + (p.high - p.low) * share;
  if (position <= 0) return p.low;
  if (position >= STEPS) return p.high;
  return Number(value.toPrecision(3));
}

export function positionOf(p, value) {
  const share = p.log ? Math.log(value / p.low) / Math.log(p.high / p.low) : (value - p.low) / (p.high - p.low);
  return Math.round(STEPS * Math.min(1, Math.max(0, share)));
}

/** The value of a parameter that the sliders show: that of the selected arm. */
export function shownValue(state, p) {
  return state.scene.arms[state.selected].parameters[p.name] ?? p.value;
}

function setValue(state, p, value) {
  const arms = state.reach === "one" ? [state.scene.arms[state.selected]] : state.scene.arms;
  for (const arm of arms) {
    if (value === p.value) delete arm.parameters[p.name];
    else arm.parameters[p.name] = value;
  }
}

export class Sliders {
  constructor(state, onChange) {
    this.state = state;
    this.onChange = onChange;
    this.rows = [];
    $("search").addEventListener("input", () => this.filter());
    $("changed-only").addEventListener("change", () => this.filter());
    for (const radio of document.querySelectorAll("input[name=reach]")) {
      radio.addEventListener("change", () => (state.reach = radio.value));
    }
    $("reset-all").addEventListener("click", () => {
      const arms = state.reach === "one" ? [state.scene.arms[state.selected]] : state.scene.arms;
      for (const arm of arms) arm.parameters = {};
      this.show();
      onChange();
    });
  }

  /** Build the sliders of a model. */
  build() {
    const groups = new Map();
    for (const p of this.state.model.parameters) {
      if (!groups.has(p.group)) groups.set(p.group, []);
      groups.get(p.group).push(p);
    }
    this.rows = [];
    const open = this.state.model.parameters.length <= 16;
    const sections = [...groups].map(([name, parameters], i) =>
      el("details", { class: "group", open: open || i === 0 },
        el("summary", {}, name, el("span", { class: "count" }, String(parameters.length))),
        parameters.map((p) => this.row(p))),
    );
    $("sliders").replaceChildren(...sections, el("p", { id: "none-found", hidden: true }, "No parameter matches."));
    $("search").value = "";
    $("changed-only").checked = false;
    this.show();
  }

  row(p) {
    const slider = el("input", {
      type: "range", min: 0, max: STEPS, step: 1, "aria-label": `${p.name}: ${p.meaning}`, "data-parameter": p.name,
      oninput: () => this.set(p, valueAt(p, Number(slider.value))),
    });
    const box = el("input", {
      type: "number", step: "any", "aria-label": `Value of ${p.name}`,
      onchange: () => (box.value === "" ? this.show() : this.set(p, Number(box.value))),
    });
    const reset = el("button", {
      class: "quiet reset", title: `Back to ${number(p.value)}`, "aria-label": `Reset ${p.name}`,
      onclick: () => this.set(p, p.value),
    }, "↺");
    const choices = p.alternatives.length ? this.choices(p) : null;
    const said = [`${number(p.value)} ${unit(p.unit)}`.trim(), p.source || "no source given"].join(" · ");
    const node = el("div", { class: "parameter" },
      el("div", { class: "top" },
        el("span", { class: "name" }, el("b", {}, p.name), " ", el("span", { class: "meaning" }, p.meaning)),
        reset, box, el("span", { class: "unit", title: unit(p.unit) }, unit(p.unit))),
      slider,
      el("div", { class: "source" }, el("span", { title: p.source, tabindex: 0 }, said), choices));
    this.rows.push({ p, node, slider, box, choices, text: `${p.name} ${p.meaning} ${p.source}`.toLowerCase() });
    return node;
  }

  choices(p) {
    const named = [{ name: "default", value: p.value, source: p.source }, ...p.alternatives];
    const select = el("select", { "aria-label": `Published values of ${p.name}`, onchange: () => {
      if (select.value !== "") this.set(p, named[Number(select.value)].value);
    } },
      named.map((a, i) => el("option", { value: i, title: a.source }, `${a.name}: ${number(a.value)}`)),
      el("option", { value: "", hidden: true }, "own value"));
    select.values = named.map((a) => a.value);
    return select;
  }

  set(p, value) {
    setValue(this.state, p, value);
    this.showRow(this.rows.find((row) => row.p === p));
    this.count();
    this.onChange();
  }

  /** Show the values of the selected arm. */
  show() {
    for (const row of this.rows) this.showRow(row);
    this.count();
    this.filter();
    $("reach-arm").textContent = this.state.scene.arms[this.state.selected].name;
  }

  showRow({ p, node, slider, box, choices }) {
    const value = shownValue(this.state, p);
    if (document.activeElement !== slider || Number(slider.value) !== positionOf(p, value)) slider.value = positionOf(p, value);
    if (document.activeElement !== box || Number(box.value) !== value) box.value = String(value);
    const [low, high] = p.bounds;
    const outside = (low !== null && value < low) || (high !== null && value > high);
    box.setAttribute("aria-invalid", String(outside));
    node.classList.toggle("changed", value !== p.value);
    if (choices) {
      const at = choices.values.indexOf(value);
      choices.value = at < 0 ? "" : String(at);
    }
  }

  count() {
    const changed = this.rows.filter(({ p }) => shownValue(this.state, p) !== p.value).length;
    $("changed-count").textContent = changed ? `${changed} changed` : "";
  }

  filter() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const changedOnly = $("changed-only").checked;
    let found = 0;
    for (const { p, node, text } of this.rows) {
      const shown = words.every((w) => text.includes(w)) && (!changedOnly || shownValue(this.state, p) !== p.value);
      node.hidden = !shown;
      found += shown;
    }
    const searching = words.length > 0 || changedOnly;
    for (const group of document.querySelectorAll("#sliders .group")) {
      const any = [...group.querySelectorAll(".parameter")].some((node) => !node.hidden);
      group.hidden = !any;
      if (searching && any) group.open = true;
    }
    const none = $("none-found");
    if (none) none.hidden = found > 0;
  }
}
