// Small helpers for elements and numbers.

export const $ = (id) => document.getElementById(id);

/** An element with attributes, properties (begin with "."), listeners (begin with "on") and children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.startsWith(".")) node[key.slice(1)] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** A number as a reader wants it: up to `digits` significant digits, no trailing zeros. */
export function number(value, digits = 4) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    const short = String(Number(mantissa));
    const factor = short === "1" ? "" : short === "-1" ? "−" : `${short.replace("-", "−")}·`;
    return `${factor}10${superscript(String(Number(power)))}`;
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const superscript = (text) => [...text].map((c) => RAISED[c] ?? c).join("");

/** A unit as it is printed: mm^3 as mm³; nothing for a pure number. */
export function unit(text) {
  if (text === "1") return "";
  return text.replace(/\^(-?\d+)/g, (_, power) => superscript(power)).replace(/\bu(?=[LMgm]\b)/g, "µ");
}

/** A text with its unit in parentheses. */
export const withUnit = (text, of) => (unit(of) ? `${text} (${unit(of)})` : text);

/** The unit of a time axis in full. */
export const timeWords = (of) => ({ day: "days", hour: "hours", week: "weeks", h: "hours" })[of] ?? of;

export const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

// Okabe and Ito's colors, as the figures of the package have them.
const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
export const color = (i) => COLORS[i % COLORS.length];
export const dash = (i) => (i < COLORS.length ? [] : [6, 3]);

export const faint = (hex, share) => {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${r}, ${g}, ${b}, ${share})`;
};
