// Drawn on canvas: waterfalls and heat maps.

import { color, el, number, unit } from "./dom.js";

const BLUE = "#0072B2";
const RED = "#D55E00";
const PALE = "#bdbdbd";
const CAP = 100;

// Viridis from dark to light without the faintest yellow, as the figures of the package have it.
const MAP = [[68, 1, 84], [72, 36, 117], [65, 68, 135], [53, 95, 141], [42, 120, 142], [33, 145, 140], [34, 168, 132], [68, 191, 112], [122, 209, 81]];

/** The color at a share of the range, from 0 to 1. */
export function mapColor(share) {
  const at = Math.min(Math.max(share, 0), 1) * (MAP.length - 1);
  const i = Math.min(Math.floor(at), MAP.length - 2);
  const mixed = MAP[i].map((c, k) => Math.round(c + (MAP[i + 1][k] - c) * (at - i)));
  return `rgb(${mixed.join(",")})`;
}

function prepared(canvas) {
  const ratio = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.font = "11px system-ui, sans-serif";
  return { ctx, width, height };
}

export function canvasPanel(root, title, label) {
  const canvas = el("canvas", { role: "img", "aria-label": label });
  root.append(el("figure", { class: "panel" }, el("figcaption", {}, title), el("div", { class: "plot" }, canvas)));
  return canvas;
}

/** Bars of the best change of every member, from the largest growth to the deepest response. */
export function drawWaterfall(canvas, change, lines, arm) {
  const { ctx, width, height } = prepared(canvas);
  const values = Array.from(change).filter(Number.isFinite);
  const [left, right, top, bottom] = [46, 10, 8, 14];
  const growth = values.some((v) => v > 0) ? CAP : 10;
  const y = (v) => top + ((growth - v) / (growth + 100)) * (height - top - bottom);
  const levels = Object.entries(lines);
  const lowest = Math.min(...levels.map(([, v]) => v).filter((v) => v < 0), Infinity);
  const highest = Math.max(...levels.map(([, v]) => v).filter((v) => v > 0), -Infinity);
  const step = (width - left - right) / Math.max(values.length, 1);
  values.forEach((v, i) => {
    ctx.fillStyle = Number.isFinite(lowest) && v <= lowest ? BLUE : Number.isFinite(highest) && v >= highest ? RED : levels.length ? PALE : color(arm);
    const [from, to] = [y(Math.min(v, CAP)), y(0)].sort((a, b) => a - b);
    ctx.fillRect(left + i * step, from, Math.max(step * (values.length > 60 ? 1.02 : 0.8), 0.5), Math.max(to - from, 0.5));
  });
  ctx.strokeStyle = ctx.fillStyle = "#444";
  ctx.textAlign = "right";
  for (const v of [100, 50, 0, -50, -100].filter((v) => v <= growth)) ctx.fillText(`${number(v)} %`, left - 6, y(v) + 4);
  ctx.fillRect(left, y(0), width - left - right, 0.6);
  ctx.setLineDash([4, 3]);
  for (const [name, v] of levels) {
    ctx.beginPath();
    ctx.moveTo(left, y(v));
    ctx.lineTo(width - right, y(v));
    ctx.stroke();
    ctx.textAlign = v > 0 ? "right" : "left"; // where the bars are not
    ctx.fillText(name, v > 0 ? width - right : left + 4, v > 0 ? y(v) - 5 : y(v) + 14);
  }
}

/** Cells of color over two axes, the first across, with a bar of colors. */
export function drawHeatMap(canvas, { z, across, up, label, range, at }) {
  const { ctx, width, height } = prepared(canvas);
  const [left, right, top, bottom] = [62, 92, 8, 36];
  const [w, h] = [width - left - right, height - top - bottom];
  const [low, high] = range;
  const share = (v) => (high > low ? (v - low) / (high - low) : 0.5);
  const [n, m] = [across.values.length, up.values.length];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < m; k++) {
      const value = z[i * m + k];
      ctx.fillStyle = Number.isFinite(value) ? mapColor(share(value)) : "#cfcfcf";
      const [x1, x2] = [Math.round(left + (i * w) / n), Math.round(left + ((i + 1) * w) / n)];
      const [y1, y2] = [Math.round(top + h - ((k + 1) * h) / m), Math.round(top + h - (k * h) / m)];
      ctx.fillRect(x1, y1, x2 - x1, y2 - y1);
    }
  }
  axisTicks(ctx, across, (s) => left + s * w, (x, text) => {
    ctx.textAlign = "center";
    ctx.fillRect(x - 0.5, top + h, 1, 4);
    ctx.fillText(text, x, top + h + 15);
  });
  axisTicks(ctx, up, (s) => top + h - s * h, (y, text) => {
    ctx.textAlign = "right";
    ctx.fillRect(left - 4, y - 0.5, 4, 1);
    ctx.fillText(text, left - 7, y + 4);
  });
  ctx.textAlign = "center";
  ctx.fillText(across.label, left + w / 2, height - 5);
  ctx.save();
  ctx.translate(11, top + h / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(up.label, 0, 0);
  ctx.restore();
  colorBar(ctx, width - right + 16, top, h, low, high, label);
  markCross(ctx, at, across, up, [left, top, w, h]);
}

/** Where a value stands on an axis whose first and last values are the centers of its outer cells. */
function place(axis, value) {
  const { values, log } = axis;
  const f = log ? Math.log : (v) => v;
  const n = values.length;
  return ((f(value) - f(values[0])) / (f(values.at(-1)) - f(values[0]))) * ((n - 1) / n) + 0.5 / n;
}

function axisTicks(ctx, axis, position, draw) {
  ctx.fillStyle = "#444";
  const { values } = axis;
  const count = Math.min(5, values.length);
  for (let i = 0; i < count; i++) {
    const value = values[Math.round((i * (values.length - 1)) / (count - 1))];
    draw(position(place(axis, value)), number(value, 3));
  }
}

function colorBar(ctx, x, top, height, low, high, label) {
  for (let i = 0; i < height; i++) {
    ctx.fillStyle = mapColor(1 - i / height);
    ctx.fillRect(x, top + i, 10, 1.5);
  }
  ctx.fillStyle = "#444";
  ctx.textAlign = "left";
  ctx.fillText(number(high, 3), x + 14, top + 9);
  ctx.fillText(number((low + high) / 2, 3), x + 14, top + height / 2 + 4);
  ctx.fillText(number(low, 3), x + 14, top + height);
  ctx.save();
  ctx.translate(x + 70, top + height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(unit(label), 0, 0);
  ctx.restore();
}

/** A cross where the sliders stand. */
function markCross(ctx, at, across, up, [left, top, w, h]) {
  const [sx, sy] = [place(across, at[0]), place(up, at[1])];
  if (!(sx >= 0 && sx <= 1 && sy >= 0 && sy <= 1)) return;
  const [x, y] = [left + sx * w, top + h - sy * h];
  for (const [style, thick] of [["#fff", 4], ["#000", 1.5]]) {
    ctx.strokeStyle = style;
    ctx.lineWidth = thick;
    ctx.beginPath();
    ctx.moveTo(x - 6, y);
    ctx.lineTo(x + 6, y);
    ctx.moveTo(x, y - 6);
    ctx.lineTo(x, y + 6);
    ctx.stroke();
  }
}
