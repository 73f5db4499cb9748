// Small line charts in SVG. Shapes and dashes tell series apart as well as colours do; the same numbers stand in a table.

import { make, shape as drawn } from "./elements.js";

const [WIDTH, HEIGHT] = [320, 168];
const PAD = { left: 46, right: 14, top: 10, bottom: 26 };
const SHAPES = ["circle", "square", "triangle", "diamond", "cross"];
const TICKS = 3;

// A chart as a <figure>.
//   title, note: what is drawn, and how to read it
//   labels: [text] below the columns
//   series: [{ name, dashed, points: [{ column, value, from, shape, say }] }]; `from` is the column that the line comes
//     from, or null; `shape` a number; `say` what the point is, in words
//   format, tick: (value) => text, of a value and beside the axis
//   ring: the column to mark, or null
export function chart({ title, note, labels, series, format, tick = format, ring = null }) {
  const points = series.flatMap((each) => each.points);
  const caption = make("figcaption", { title: note }, make("b", "", title), make("span", "", latest(series, format)));
  if (!points.length) return make("figure", "cl-chart", caption, make("p", "", "Nothing to draw yet."));
  const image = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const spoken = series.map((each) => `${each.name}: ${each.points.map((point) => point.say).join("; ")}`).join(". ");
  image.append(drawn("title", {}, title), drawn("desc", {}, `${note} ${spoken}.`));
  const scale = scales(points, labels.length);
  image.append(...grid(scale, tick), ...columns(scale, labels, ring));
  for (const each of series) image.append(...lines(each, scale));
  for (const each of series) image.append(...each.points.map((point) => marker(point, scale, ring)));
  return make("figure", "cl-chart", caption, image);
}

// The mark that stands for a shape, for a legend.
export function sign(shape) {
  const image = drawn("svg", { viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" });
  image.append(mark(7, 7, shape));
  return image;
}

function latest(series, format) {
  const last = series.map((each) => each.points.at(-1)).filter(Boolean);
  return last.map((point) => format(point.value)).join(" · ");
}

// From columns and values to px; the axis begins at 0 unless values are negative.
function scales(points, count) {
  const values = points.map((point) => point.value);
  const negative = Math.min(...values) < 0;
  const low = negative ? Math.min(...values) : 0;
  const high = negative ? Math.max(...values) : Math.max(...values, 0);
  const ticks = nice(low, high === low ? low + 1 : high);
  const [bottom, top] = [ticks[0], ticks.at(-1)];
  const inner = { width: WIDTH - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
  return {
    ticks,
    x: (column) => PAD.left + inner.width * (count > 1 ? (0.04 + (0.92 * column) / (count - 1)) : 0.5),
    y: (value) => PAD.top + inner.height * (1 - (value - bottom) / (top - bottom)),
  };
}

// Round numbers that hold low and high between them.
function nice(low, high) {
  const raw = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
}

function grid(scale, tick) {
  return scale.ticks.flatMap((value) => {
    const y = scale.y(value);
    return [
      drawn("line", { x1: PAD.left, x2: WIDTH - PAD.right, y1: y, y2: y, class: "cl-grid" }),
      drawn("text", { x: PAD.left - 7, y: y + 4, "text-anchor": "end" }, tick(value)),
    ];
  });
}

function columns(scale, labels, ring) {
  const every = Math.ceil(labels.length / 10);
  return labels.flatMap((label, column) => {
    const marked = column === ring;
    if (!marked && column % every) return [];
    const place = { x: scale.x(column), y: HEIGHT - 7, "text-anchor": "middle" };
    return [drawn("text", { ...place, class: marked ? "cl-seen" : "" }, label)];
  });
}

function lines({ points, dashed }, scale) {
  const at = new Map(points.map((point) => [point.column, point]));
  return points.filter((point) => at.has(point.from)).map((point) => {
    const [x1, y1] = [scale.x(point.from), scale.y(at.get(point.from).value)];
    const [x2, y2] = [scale.x(point.column), scale.y(point.value)];
    return drawn("line", { x1, y1, x2, y2, class: dashed ? "cl-line cl-dashed" : "cl-line" });
  });
}

function marker(point, scale, ring) {
  const [x, y] = [scale.x(point.column), scale.y(point.value)];
  const group = drawn("g", {});
  group.append(drawn("title", {}, point.say));
  group.append(drawn("circle", { cx: x, cy: y, r: 11, class: "cl-reach" }));
  if (point.column === ring) group.append(drawn("circle", { cx: x, cy: y, r: 8.5, class: "cl-ring" }));
  group.append(mark(x, y, point.shape));
  return group;
}

function mark(x, y, shape) {
  const kind = SHAPES[shape % SHAPES.length];
  const style = { class: "cl-mark", "data-shape": shape % SHAPES.length };
  if (kind === "circle") return drawn("circle", { cx: x, cy: y, r: 4.5, ...style });
  const paths = {
    square: `M${x - 4} ${y - 4}h8v8h-8z`,
    triangle: `M${x} ${y - 5.2}l5.2 9h-10.4z`,
    diamond: `M${x} ${y - 5.8}l5.8 5.8l-5.8 5.8l-5.8 -5.8z`,
    cross: `M${x - 5} ${y - 2}h3v-3h4v3h3v4h-3v3h-4v-3h-3z`,
  };
  return drawn("path", { d: paths[kind], ...style });
}
