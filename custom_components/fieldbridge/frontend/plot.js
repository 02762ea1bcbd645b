// Raw against filtered values of one channel over the last seconds.
import { element } from "./styles.js";
import { formatNumber } from "./texts.js";

const SECONDS = 30;
const WIDTH = 800;
const HEIGHT = 140;
const LEFT = 56;
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

export class Plot {
  constructor(hass, texts, channel) {
    this._hass = hass;
    this._texts = texts;
    this._channel = channel;
    this._points = [];
    this._svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
    this._last = element("span", { class: "last" });
    const name = channel.unit ? `${channel.name} (${channel.unit})` : channel.name;
    this._name = name;
    this.element = element(
      "figure",
      {},
      element("figcaption", {}, element("strong", {}, name), this._last, element("span", {}, texts("live.legend"))),
      this._svg,
    );
  }

  /** Take columns of times (seconds), raw and filtered values. */
  add(columns) {
    columns.time.forEach((time, index) => {
      this._points.push([time, columns.raw[index], columns.filtered[index]]);
    });
    const newest = this._points.at(-1)?.[0] ?? 0;
    // What lies ahead of the newest was measured before a clock was set back.
    this._points = this._points.filter(([time]) => time > newest - SECONDS && time <= newest);
  }

  draw() {
    const points = this._points;
    const values = points.flatMap(([, raw, filtered]) => [raw, filtered]).filter((each) => typeof each === "number");
    if (!values.length) return;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const span = high - low || Math.abs(high) || 1;
    const end = points.at(-1)[0];
    const x = (time) => LEFT + ((WIDTH - LEFT) * (time - end + SECONDS)) / SECONDS;
    const y = (value) => HEIGHT - 10 - ((HEIGHT - 20) * (value - low + (high === low ? span / 2 : 0))) / span;
    const line = (column, name) => {
      const path = points
        .filter((point) => typeof point[column] === "number")
        .map((point) => `${x(point[0]).toFixed(1)},${y(point[column]).toFixed(1)}`)
        .join(" ");
      return shape("polyline", { points: path, class: name, "vector-effect": "non-scaling-stroke" });
    };
    const [, raw, filtered] = points.at(-1);
    // As many digits as it takes to tell the two ends of the axis apart.
    const digits = Math.min(12, Math.max(3, Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / span || 1)) + 3));
    const numbers = { raw: formatNumber(this._hass, raw, digits), filtered: formatNumber(this._hass, filtered, digits) };
    this._last.textContent = this._texts("live.last_values", numbers);
    this._svg.setAttribute("aria-label", `${this._name}: ${this._last.textContent}`);
    this._svg.replaceChildren(
      shape("line", { x1: LEFT, x2: LEFT, y1: 0, y2: HEIGHT, class: "axis" }),
      shape("text", { x: 2, y: 14 }, formatNumber(this._hass, high, digits)),
      shape("text", { x: 2, y: HEIGHT - 6 }, formatNumber(this._hass, low, digits)),
      line(1, "raw"),
      line(2, "filtered"),
    );
  }
}
