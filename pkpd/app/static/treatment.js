// Arms, and the rows of doses of the one that is selected.

import { $, color, el, number, unit } from "./dom.js";

const MOST_ARMS = 12;

/** The times of a row of doses, by the rule of the server: every so often, or five days a week. */
export function doseTimes(row, time) {
  const day = { day: 1, h: 24, hour: 24, hours: 24, week: 1 / 7, min: 1440, s: 86400 }[time] ?? 1;
  return Array.from({ length: row.n }, (_, i) =>
    row.weekdays ? row.start + day * (7 * Math.floor(i / 5) + (i % 5)) : row.start + row.every * i,
  );
}

/** A row in a few words: 400 mg iv every 14 × 4. */
export function doseWords(row, route) {
  const series = row.n === 1 ? "" : row.weekdays ? ` on weekdays × ${row.n}` : ` every ${number(row.every)} × ${row.n}`;
  return `${number(row.amount)} ${unit(route?.unit ?? "")} ${row.route}${series}`.replace("  ", " ");
}

export class Treatment {
  constructor(state, onChange, onSelect) {
    Object.assign(this, { state, onChange, onSelect });
  }

  get arm() {
    return this.state.scene.arms[this.state.selected];
  }

  routeOf(row) {
    return this.state.model.routes.find((route) => route.name === row.route);
  }

  build() {
    this.buildArms();
    this.buildRows();
  }

  buildArms() {
    const { state } = this;
    const chips = state.scene.arms.map((arm, i) =>
      el("button", {
        class: "chip", "aria-pressed": String(i === state.selected), style: null,
        onclick: () => this.select(i),
      }, swatch(i), arm.name));
    const full = state.scene.arms.length >= MOST_ARMS;
    const add = el("button", { class: "chip add", disabled: full, onclick: () => this.add({ doses: [], parameters: {} }, "arm") }, "+ add");
    $("arms").replaceChildren(...chips, add);
  }

  select(i) {
    this.state.selected = i;
    this.build();
    this.onSelect();
  }

  /** Add an arm under a name that none has yet. */
  add(arm, name) {
    const { arms } = this.state.scene;
    const taken = new Set(arms.map((a) => a.name));
    let free = name;
    for (let i = 2; taken.has(free); i++) free = `${name} ${i}`;
    arms.push({ ...structuredClone(arm), name: free });
    this.select(arms.length - 1);
    this.onChange();
  }

  remove() {
    this.state.scene.arms.splice(this.state.selected, 1);
    this.select(Math.max(0, this.state.selected - 1));
    this.onChange();
  }

  rename(box) {
    const wanted = box.value.trim();
    const taken = this.state.scene.arms.some((a) => a !== this.arm && a.name === wanted);
    box.setCustomValidity(!wanted ? "An arm has a name." : taken ? `There is an arm ${wanted} already.` : "");
    if (!box.reportValidity()) return;
    this.arm.name = wanted;
    this.build();
    this.onSelect();
    this.onChange();
  }

  buildRows() {
    const { arm, state } = this;
    const name = el("input", { type: "text", ".value": arm.name, maxlength: 80, "aria-label": "Name of the arm", onchange: () => this.rename(name), oninput: () => name.setCustomValidity("") });
    const head = el("div", { class: "row arm-head" }, name,
      el("button", { disabled: state.scene.arms.length >= MOST_ARMS, onclick: () => this.add(arm, `${arm.name} copy`) }, "Copy"),
      el("button", { disabled: state.scene.arms.length < 2, onclick: () => this.remove() }, "Remove"));
    const rows = arm.doses.map((row, i) => this.row(row, i));
    const routes = state.model.routes;
    const add = routes.length
      ? el("button", { class: "quiet", onclick: () => { arm.doses.push(structuredClone(routes[0].row)); this.changed(); } }, "+ doses")
      : el("p", { class: "muted" }, "This model takes no doses.");
    const none = routes.length && !rows.length ? el("p", { class: "muted" }, "No doses: an untreated arm.") : null;
    $("arm").replaceChildren(head, ...rows, ...(none ? [none] : []), add);
  }

  changed() {
    this.buildRows();
    this.onChange();
  }

  row(row, i) {
    const route = this.routeOf(row);
    const choose = el("select", { "aria-label": "Route", onchange: () => this.reroute(i, choose.value) },
      this.state.model.routes.map((r) => el("option", { value: r.name, selected: r.name === row.route }, r.name)));
    const remove = el("button", { class: "quiet", "aria-label": "Remove these doses", onclick: () => { this.arm.doses.splice(i, 1); this.changed(); } }, "✕");
    const field = (key, label, width, least = 0) => this.field(row, key, label, width, least);
    const time = unit(this.state.model.time);
    const weekdays = route?.unit === "Gy"
      ? el("label", { class: "check" }, el("input", { type: "checkbox", ".checked": row.weekdays, onchange: (e) => { row.weekdays = e.target.checked; this.changed(); } }), "weekdays")
      : null;
    const every = row.weekdays ? null : el("label", {}, "every ", field("every", "Interval", 4));
    return el("div", { class: "doses" },
      el("div", { class: "row" }, choose, field("amount", "Amount", 6, null), el("span", { class: "unit" }, unit(route?.unit ?? "")), remove),
      el("div", { class: "row" }, el("label", {}, time ? `${time} ` : "", field("start", "First time", 4)), every,
        el("label", {}, "× ", field("n", "Number", 3, 1)),
        el("label", {}, "over ", field("duration", "Duration", 4)), weekdays));
  }

  field(row, key, label, width, least) {
    const box = el("input", {
      type: "number", step: key === "n" ? 1 : "any", min: least, class: `w${width}`, "aria-label": label, ".value": row[key] ?? "",
      placeholder: key === "duration" ? "–" : "",
      oninput: () => {
        const value = box.value === "" ? null : Number(box.value);
        if (value === null && key !== "duration") return;
        row[key] = key === "n" ? Math.round(value) : value;
        this.onChange();
      },
    });
    return box;
  }

  /** Another route: its usual doses, at the times of these. */
  reroute(i, name) {
    const old = this.arm.doses[i];
    const usual = structuredClone(this.state.model.routes.find((r) => r.name === name).row);
    this.arm.doses[i] = { ...usual, start: old.start, n: old.n, every: old.every };
    this.changed();
  }
}

export function swatch(i) {
  const node = el("span", { class: "swatch" });
  node.style.background = color(i);
  return node;
}
