// Panels of curves: one quantity an axis, drawn by uPlot, with dose marks, bands and data.

import { $, color, dash, el, faint, number, unit, capital } from "./dom.js";
import { ticks } from "./timeline.js";
import { doseTimes } from "./treatment.js";

const GRID = { stroke: "#ece9e4", width: 1 };
const FONT = "11px system-ui, sans-serif";
const MARKS = 11; // room for dose marks above the curves

/** Panels that are made anew only where what they show changes in kind; otherwise they get new numbers. */
export class Panels {
  constructor(root, state) {
    Object.assign(this, { root, state, plots: [], key: "" });
    new ResizeObserver(() => this.resize()).observe(root);
    new ResizeObserver(() => layOut()).observe($("panels"));
  }

  clear() {
    for (const { plot } of this.plots) plot.destroy();
    this.plots = [];
    this.key = "";
    this.root.replaceChildren();
  }

  /**
   * Show curves.
   * specs: one for each panel: title, unit, x, series [{arm, values, kind}], log, xLabel, xLog, marks, data, at.
   */
  show(specs) {
    const key = JSON.stringify(specs.map((s) => [s.title, s.unit, s.log, s.xLabel, s.xLog, s.series.map((c) => [c.arm, c.kind])]));
    if (key !== this.key) {
      this.clear();
      this.key = key;
      this.plots = specs.map((spec) => this.panel(spec));
      layOut();
      this.resize();
    }
    specs.forEach((spec, i) => {
      const panel = this.plots[i];
      panel.spec = spec;
      panel.plot.setData([spec.x, ...spec.series.map((s) => gaps(s.values, spec.log))]);
      this.read(panel);
    });
  }

  panel(spec) {
    const readout = el("span", { class: "readout" });
    const title = el("h3", {}, el("b", {}, spec.title), ` ${spec.meaning ?? ""}`, spec.unit && unit(spec.unit) ? el("span", { class: "muted" }, ` (${unit(spec.unit)})`) : "");
    const holder = el("div", { class: "plot" });
    const node = el("figure", { class: "panel", "aria-label": `${spec.title} ${spec.meaning ?? ""}` }, el("figcaption", {}, title, readout), holder);
    this.root.append(node);
    const panel = { spec, node, holder, readout };
    panel.plot = new uPlot(this.options(panel), [[0], ...spec.series.map(() => [null])], holder);
    return panel;
  }

  options(panel) {
    const { spec } = panel;
    return {
      width: 400, height: 240, pxAlign: 0, padding: [MARKS + 4, 14, 0, 4], legend: { show: false },
      cursor: { sync: spec.xLabel === undefined ? undefined : { key: spec.xLabel }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { time: false, distr: spec.xLog ? 3 : 1, range: () => [panel.spec.x[0], panel.spec.x.at(-1)] },
        y: { distr: spec.log ? 3 : 1, range: () => yRange(panel.spec) },
      },
      axes: [
        { grid: { show: false }, font: FONT, stroke: "#444", ticks: { stroke: "#999", size: 4, width: 1 }, label: spec.xLabel, labelFont: FONT, labelSize: 18, size: 26, gap: 3,
          values: (_, at) => at.map((v) => (v === null ? "" : number(v))),
          ...(spec.xLog ? { splits: (_u, _i, low, high) => logTicks(low, high) } : {}),
          ...(spec.times ? { splits: () => ticks(panel.spec.x.at(-1), this.state.model.time) } : {}) },
        { ...(spec.log ? { splits: (_u, _i, low, high) => logTicks(low, high) } : {}), grid: GRID, font: FONT, stroke: "#444", ticks: { show: false }, size: 52, gap: 5, values: (_, at) => at.map((v) => (v === null ? "" : number(v, 3))) },
      ],
      series: [{}, ...spec.series.map((s) => this.series(s))],
      bands: bandsOf(spec.series),
      hooks: { setCursor: [() => this.read(panel)], draw: [(u) => this.decorate(u, panel.spec)] },
    };
  }

  series({ arm, kind }) {
    const edge = kind === "low" || kind === "high";
    const selected = arm === this.state.selected;
    return {
      stroke: edge ? "transparent" : color(arm), width: edge ? 0 : selected ? 2.2 : 1.6, dash: dash(arm),
      points: { show: kind === "points", size: 4 }, spanGaps: false,
    };
  }

  /** The values at the cursor, above the panel. */
  read({ plot, readout, spec }) {
    const at = plot?.cursor.idx;
    if (at === null || at === undefined || plot.cursor.left < 0) {
      readout.replaceChildren();
      return;
    }
    const arms = this.state.scene.arms;
    const shown = spec.series.filter((s) => s.kind !== "low" && s.kind !== "high");
    const parts = shown.map((s) => {
      const part = el("span", {}, `${shown.length > 1 ? `${arms[s.arm]?.name ?? ""} ` : ""}${number(s.values[at], 3)}`);
      part.style.color = color(s.arm);
      return part;
    });
    readout.replaceChildren(el("span", { class: "muted" }, `at ${number(spec.x[at])}`), ...parts);
  }

  decorate(u, spec) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    if (spec.marks) {
      this.state.scene.arms.forEach((arm, i) => this.doses(u, arm, i, ratio));
    }
    if (spec.at !== undefined && spec.at >= spec.x[0] && spec.at <= spec.x.at(-1)) {
      const x = u.valToPos(spec.at, "x", true);
      ctx.strokeStyle = "#999";
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      line(ctx, x, u.bbox.top, x, u.bbox.top + u.bbox.height);
    }
    for (const points of spec.data ?? []) this.points(u, points, spec, ratio);
    ctx.restore();
  }

  /** Small marks above the curves: triangles for doses, ticks for fractions. */
  doses(u, arm, i, ratio) {
    const { ctx } = u;
    const foot = u.bbox.top - 2 * ratio;
    ctx.fillStyle = ctx.strokeStyle = faint(color(i), 0.8);
    ctx.lineWidth = ratio;
    for (const row of arm.doses) {
      const radiation = this.state.model.routes.find((r) => r.name === row.route)?.unit === "Gy";
      for (const t of doseTimes(row, this.state.model.time)) {
        if (t > u.scales.x.max) break;
        const x = u.valToPos(t, "x", true);
        if (radiation) line(ctx, x, foot, x, foot - 6 * ratio);
        else {
          ctx.beginPath();
          ctx.moveTo(x - 3 * ratio, foot - 6 * ratio);
          ctx.lineTo(x + 3 * ratio, foot - 6 * ratio);
          ctx.lineTo(x, foot);
          ctx.fill();
        }
      }
    }
  }

  /** Observations in the color of their arm, open where they are below a limit, gray where no arm has their name. */
  points(u, points, spec, ratio) {
    const { ctx } = u;
    const i = this.state.scene.arms.findIndex((arm) => arm.name === points.arm);
    ctx.strokeStyle = i < 0 ? "#888" : color(i);
    ctx.fillStyle = ctx.strokeStyle;
    ctx.lineWidth = ratio;
    const { left, top, width, height } = u.bbox;
    ctx.beginPath();
    ctx.rect(left - 4 * ratio, top, width + 8 * ratio, height);
    ctx.clip();
    points.time.forEach((t, k) => {
      const value = points.value[k];
      if (spec.log && value <= 0) return;
      const x = u.valToPos(t, "x", true);
      const y = u.valToPos(value, "y", true);
      if (points.sd) {
        const low = spec.log ? Math.max(value - points.sd[k], u.scales.y.min) : value - points.sd[k];
        line(ctx, x, u.valToPos(low, "y", true), x, u.valToPos(value + points.sd[k], "y", true));
      }
      ctx.beginPath();
      ctx.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
      if (points.below[k]) ctx.stroke();
      else ctx.fill();
    });
  }

  resize() {
    for (const { plot, holder } of this.plots) {
      const width = Math.max(200, holder.clientWidth);
      const height = Math.max(140, holder.clientHeight);
      if (width !== plot.width || height !== plot.height) plot.setSize({ width, height });
    }
  }
}

const NARROWEST = 350;
const LOWEST = 215;
const ASPECT = 0.9; // the most height for a width

/** Give all panels, curves and what stands below them, as much room as there is without scrolling, within reason. */
export function layOut() {
  const room = $("panels");
  const grids = [...room.querySelectorAll(":scope > .panels")].map((grid) => grid.childElementCount).filter(Boolean);
  if (!grids.length) return;
  const most = Math.max(1, Math.floor(room.clientWidth / NARROWEST));
  const columns = Math.min(most, Math.max(...grids), balanced(Math.max(...grids), most));
  const rows = grids.reduce((sum, count) => sum + Math.ceil(count / columns), 0);
  const highest = ASPECT * (room.clientWidth / columns);
  const height = Math.min(highest, Math.max(LOWEST, Math.floor((room.clientHeight - 6) / rows) - 11));
  room.style.setProperty("--columns", columns);
  room.style.setProperty("--height", `${height}px`);
}

/** Columns that leave the fewest holes: four panels stand in two rows of two rather than in three and one. */
function balanced(count, most) {
  return Math.ceil(count / Math.ceil(count / most));
}

function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

/** Round numbers on a log axis: powers of ten over several decades, 1, 2 and 5 times these over fewer. */
export function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const factors = decades > 3 ? [1] : decades > 1 ? [1, 3] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const f of factors) {
      const value = Number(`${f}e${power}`);
      if (value >= low * 0.999 && value <= high * 1.001) ticks.push(value);
    }
  }
  return ticks;
}

/** uPlot leaves a gap at null, not at NaN; on a log axis also at 0 and below. */
const gaps = (values, log) => Array.from(values, (v) => (Number.isFinite(v) && (!log || v > 0) ? v : null));

/** The limits of the vertical axis: from 0 where nothing is below, with room above; on a log axis six decades at most. */
function yRange(spec) {
  let low = Infinity;
  let high = -Infinity;
  const look = (v) => {
    if (!Number.isFinite(v) || (spec.log && v <= 0)) return;
    if (v < low) low = v;
    if (v > high) high = v;
  };
  for (const s of spec.series) s.values.forEach(look);
  for (const points of spec.data ?? []) points.value.forEach((v, k) => look(v + (points.sd?.[k] ?? 0)));
  if (low > high) return spec.log ? [0.1, 1] : [0, 1];
  if (spec.log) return [Math.max(low / 1.2, high / 1e6), high * 1.3];
  if (low >= 0) return [0, high > 0 ? high * 1.05 : 1];
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - room, high + room];
}

/** A band between each pair of high and low series that follow one another. */
function bandsOf(series) {
  const bands = [];
  series.forEach((s, i) => {
    if (s.kind === "high" && series[i + 1]?.kind === "low") bands.push({ series: [i + 1, i + 2], fill: faint(color(s.arm), 0.16) });
  });
  return bands;
}

/** The words above a panel for a state or an output. */
export function titled(state, name) {
  const of = state.model.observables.find((o) => o.name === name);
  return { title: name, meaning: of?.meaning && of.meaning !== name ? capital(of.meaning) : "", unit: of?.unit ?? "1" };
}
