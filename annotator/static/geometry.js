// Pure geometry. A box is [x0, y0, x1, y1] in pixels of the original image; `scale` is screen pixels per image pixel.

const LEAST_SIDE = 1;
const SMALL_PX = 60; // an image shown lower than that is too small to work on
const LEGIBLE_PX = 110;
const LARGEST_SCALE = 16;
const WIDEST_PX = 30000; // a browser draws nothing wider well

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The scale at which a word fits its room. A line too long for that is scrolled: it stays legible, and as wide as its
// letters below need to stand under their boxes.
export function fitScale(width, height, roomWidth, roomHeight, lettersWidth) {
  const whole = Math.min(roomWidth / width, roomHeight / height);
  const small = whole * height < SMALL_PX || whole * width < 0.8 * lettersWidth;
  const legible = Math.min(Math.max(LEGIBLE_PX / height, lettersWidth / width), roomHeight / height);
  return clamp(small ? Math.max(whole, legible) : whole, 0.02, 8);
}

// That scale, zoomed, within what can be drawn.
export function bounded(scale, width) {
  return clamp(scale, 0.01, Math.min(LARGEST_SCALE, WIDEST_PX / width));
}

// Where letters of these widths go when each wants to be at its centre, none may overlap and all stay between `low` and
// `high`, in visual order: least squares by pooling adjacent violators. Returns the centres.
export function spread(centres, widths, gap, low = -Infinity, high = Infinity) {
  const blocks = [];
  let offset = 0;
  const offsets = centres.map((_, k) => {
    if (k > 0) offset += (widths[k - 1] + widths[k]) / 2 + gap;
    return offset;
  });
  centres.forEach((centre, k) => {
    let block = { sum: centre - offsets[k], count: 1 };
    while (blocks.length && blocks.at(-1).sum / blocks.at(-1).count > block.sum / block.count) {
      const before = blocks.pop();
      block = { sum: before.sum + block.sum, count: before.count + block.count };
    }
    blocks.push(block);
  });
  const least = low + (widths[0] ?? 0) / 2;
  const most = Math.max(high - (widths.at(-1) ?? 0) / 2 - offset, least); // with too little room, from `low` on
  const wanted = blocks.flatMap(({ sum, count }) => Array(count).fill(clamp(sum / count, least, most)));
  return wanted.map((value, k) => value + offsets[k]);
}

// Centres (image px) of all characters; one without a box stands between its neighbours on the line.
export function centres(boxes, order, width) {
  const found = boxes.map((box) => (box ? (box[0] + box[2]) / 2 : null));
  const known = order.map((index, place) => [place, found[index]]).filter(([, centre]) => centre !== null);
  const result = [...found];
  order.forEach((index, place) => {
    if (result[index] !== null) return;
    const before = known.findLast(([at]) => at < place) ?? [-1, 0];
    const after = known.find(([at]) => at > place) ?? [order.length, width];
    result[index] = before[1] + ((after[1] - before[1]) * (place - before[0])) / (after[0] - before[0]);
  });
  return result;
}

// What lies under the pointer: {index, handle}, handle being "move" or the edges it drags ("n", "se" ...). The nearest
// wins, with a bonus for the selected character; edges can be taken only on that one, and reach outwards into empty
// paper farther than into a neighbour.
export function pick(x, y, boxes, selected, scale, coarse) {
  const reach = (coarse ? 22 : 12) / scale;
  const reachOverNeighbour = (coarse ? 10 : 5) / scale;
  const over = boxes
    .map((box, index) => ({ index, box, away: box ? distance(x, y, box) : Infinity }))
    .filter(({ away }) => away <= reach)
    .sort((a, b) => a.away - b.away || toCentre(x, y, a.box) - toCentre(x, y, b.box));
  const box = boxes[selected];
  if (box) {
    const neighbour = over.some(({ index, away }) => index !== selected && away === 0);
    const handle = handleAt(x, y, box, neighbour ? reachOverNeighbour : reach);
    if (handle) return { index: selected, handle };
  }
  return over.length ? { index: over[0].index, handle: "move" } : null;
}

// The same where only centres are shown: the nearest one within reach.
export function pickPoint(x, y, boxes, selected, scale, coarse) {
  const reach = (coarse ? 28 : 18) / scale;
  const away = boxes.map((box, index) => (box ? toCentre(x, y, box) * (index === selected ? 0.6 : 1) : Infinity));
  const index = away.indexOf(Math.min(...away));
  return away[index] <= reach ? { index, handle: "move" } : null;
}

function handleAt(x, y, box, reach) {
  if (distance(x, y, box) > reach) return null;
  // Inside, at least the middle half of a box moves it, however small the box.
  const inX = Math.min(reach, (box[2] - box[0]) / 4);
  const inY = Math.min(reach, (box[3] - box[1]) / 4);
  const vertical = y < box[1] + inY ? "n" : y > box[3] - inY ? "s" : "";
  const horizontal = x < box[0] + inX ? "w" : x > box[2] - inX ? "e" : "";
  return vertical + horizontal || "move";
}

function distance(x, y, [x0, y0, x1, y1]) {
  return Math.hypot(Math.max(x0 - x, 0, x - x1), Math.max(y0 - y, 0, y - y1));
}

function toCentre(x, y, [x0, y0, x1, y1]) {
  return Math.hypot(x - (x0 + x1) / 2, y - (y0 + y1) / 2);
}

// The box after its handle was moved by (dx, dy); it stays inside the image and keeps a side of at least a pixel.
export function moved([x0, y0, x1, y1], handle, dx, dy, width, height) {
  if (handle === "move") {
    const mx = clamp(dx, -x0, Math.max(width - x1, -x0));
    const my = clamp(dy, -y0, Math.max(height - y1, -y0));
    return tidy([x0 + mx, y0 + my, x1 + mx, y1 + my], width, height);
  }
  if (handle.includes("w")) x0 = clamp(x0 + dx, 0, x1 - LEAST_SIDE);
  if (handle.includes("e")) x1 = clamp(x1 + dx, x0 + LEAST_SIDE, width);
  if (handle.includes("n")) y0 = clamp(y0 + dy, 0, y1 - LEAST_SIDE);
  if (handle.includes("s")) y1 = clamp(y1 + dy, y0 + LEAST_SIDE, height);
  return tidy([x0, y0, x1, y1], width, height);
}

// A box from one corner to the other, whichever they are; null if it has no size.
export function between(ax, ay, bx, by, width, height) {
  const box = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
  const inside = tidy(box, width, height);
  return inside[2] - inside[0] >= LEAST_SIDE && inside[3] - inside[1] >= LEAST_SIDE ? inside : null;
}

// Inside the image and in hundredths of a pixel: what is stored and what is shown are the same number.
export function tidy([x0, y0, x1, y1], width, height) {
  const hundredths = (value, limit) => Math.round(clamp(value, 0, limit) * 100) / 100;
  return [hundredths(x0, width), hundredths(y0, height), hundredths(x1, width), hundredths(y1, height)];
}

// A box of the usual size for a character that has none: between its neighbours on the line, or around the centre `at`.
export function defaultBox(index, boxes, order, width, height, at = null) {
  const found = boxes.filter(Boolean);
  const usual = (side, otherwise) => (found.length ? median(found.map(side)) : otherwise);
  const [top, bottom] = [usual((box) => box[1], height * 0.15), usual((box) => box[3], height * 0.85)];
  const wide = usual((box) => box[2] - box[0], Math.min((bottom - top) * 0.6, width / order.length));
  const [x, y] = at ?? [freePlace(index, boxes, order, width, wide), (top + bottom) / 2];
  const [dx, dy] = [wide / 2, (bottom - top) / 2];
  return moved([x - dx, y - dy, x + dx, y + dy], "move", 0, 0, width, height);
}

// Where between its neighbours a character without a box most likely is (x of its centre).
function freePlace(index, boxes, order, width, wide) {
  const place = order.indexOf(index);
  const before = order.findLastIndex((each, k) => k < place && boxes[each]);
  const after = order.findIndex((each, k) => k > place && boxes[each]);
  if (before < 0 && after < 0) return (width * (place + 0.5)) / order.length;
  if (before < 0) return boxes[order[after]][0] - wide / 2;
  if (after < 0) return boxes[order[before]][2] + wide / 2;
  const [low, high] = [boxes[order[before]][2], boxes[order[after]][0]];
  return low + ((high - low) * (place - before)) / (after - before);
}

// How much two boxes have in common: what both cover of what either covers.
export function overlap(a, b) {
  const area = ([x0, y0, x1, y1]) => Math.max(x1 - x0, 0) * Math.max(y1 - y0, 0);
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return both / (area(a) + area(b) - both || 1);
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}
