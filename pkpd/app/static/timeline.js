// A lane for each arm with its doses, which can be dragged or moved by the arrow keys.

import { $, color, number, svg, timeWords } from "./dom.js";
import { doseTimes, doseWords } from "./treatment.js";

const LANE = 24;
const LEFT = 120;
const RIGHT = 24;
const AXIS = 20;

export class Timeline {
  constructor(state, onChange) {
    Object.assign(this, { state, onChange });
    new ResizeObserver(() => this.draw()).observe($("timeline"));
  }

  x(time) {
    return LEFT + (time / this.state.scene.end) * (this.width - LEFT - RIGHT);
  }

  draw() {
    const { state } = this;
    if (!state.scene) return;
    const { arms, end } = state.scene;
    this.width = Math.max(320, $("timeline").clientWidth);
    const height = arms.length * LANE + AXIS;
    const drawing = svg("svg", { width: this.width, height, role: "group", "aria-label": "Doses over time" });
    ticks(end, state.model.time).forEach((t) => drawing.append(
      svg("line", { x1: this.x(t), x2: this.x(t), y1: 0, y2: arms.length * LANE, class: "grid" }),
      svg("text", { x: this.x(t), y: height - 5, class: "tick", "text-anchor": "middle" }, number(t))));
    drawing.append(svg("text", { x: LEFT - 12, y: height - 5, class: "tick", "text-anchor": "end" }, timeWords(state.model.time)));
    arms.forEach((arm, i) => drawing.append(this.lane(arm, i)));
    $("timeline").replaceChildren(drawing);
  }

  lane(arm, i) {
    const y = i * LANE + LANE / 2;
    const lane = svg("g", { class: i === this.state.selected ? "lane selected" : "lane" });
    const name = arm.name.length > 17 ? `${arm.name.slice(0, 16)}…` : arm.name;
    lane.append(
      svg("text", { x: LEFT - 12, y: y + 4, "text-anchor": "end", fill: color(i), class: "arm" }, name),
      svg("line", { x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y, class: "base" }));
    arm.doses.forEach((row, k) => lane.append(this.series(arm, row, k, i, y)));
    return lane;
  }

  series(arm, row, k, i, y) {
    const route = this.state.model.routes.find((r) => r.name === row.route);
    const words = doseWords(row, route);
    const group = svg("g", {
      class: "series", tabindex: 0, role: "slider", "aria-label": `${arm.name}: ${words}, first time`,
      "aria-valuenow": row.start, "aria-valuemin": 0, fill: color(i), stroke: color(i), "data-series": `${i}.${k}`,
      onkeydown: (event) => this.key(event, row, i, k),
      onpointerdown: (event) => this.drag(event, row),
    }, svg("title", {}, `${words} from ${number(row.start)}; drag to move`));
    const times = doseTimes(row, this.state.model.time).filter((t) => t <= this.state.scene.end).map((t) => this.x(t));
    if (times.length) {
      group.append(svg("rect", { x: times[0] - 6, y: y - LANE / 2, width: times.at(-1) - times[0] + 12, height: LANE, class: "grip" }));
    }
    const radiation = route?.unit === "Gy";
    for (const x of times) {
      group.append(radiation
        ? svg("line", { x1: x, x2: x, y1: y - 8, y2: y + 8, "stroke-width": 1.6 })
        : svg("path", { d: `M${x - 4.5} ${y - 8}h9l-4.5 9z`, stroke: "none" }));
    }
    return group;
  }

  /** The step to which doses snap: a tenth of the distance between two ticks, as a round number. */
  get snap() {
    const [a, b] = ticks(this.state.scene.end, this.state.model.time);
    return niceStep((b - a) / 20);
  }

  key(event, row, i, k) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (!by) return;
    event.preventDefault();
    row.start = this.rounded(row.start + by * this.snap);
    this.onChange();
    document.querySelector(`[data-series="${i}.${k}"]`)?.focus();
  }

  drag(event, row) {
    event.preventDefault();
    const from = event.clientX;
    const begun = row.start;
    const scale = this.state.scene.end / (this.width - LEFT - RIGHT);
    const move = (e) => {
      const start = this.rounded(begun + (e.clientX - from) * scale);
      if (start !== row.start) {
        row.start = start;
        this.onChange();
      }
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
  }

  rounded(time) {
    const { snap } = this;
    return Number((Math.max(0, Math.round(time / snap)) * snap).toPrecision(10));
  }
}

function niceStep(wanted) {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * ([1, 2, 5, 10].find((f) => f * power >= wanted * 0.999) ?? 10);
}

const ROUND = { day: [1, 7, 14, 28, 56, 84, 182, 364], h: [1, 6, 12, 24, 48, 168], hour: [1, 6, 12, 24, 48, 168] };

/** Round times from 0 to the end: weeks of days, days of hours. */
export function ticks(end, time) {
  const round = ROUND[time]?.find((s) => end / s <= 12 && end / s >= 4);
  const step = round ?? niceStep(end / 8);
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}
