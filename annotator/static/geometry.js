// Pure geometry. A box is [x0, y0, x1, y1] in pixels of the original image; `scale` is screen pixels per image pixel.

const LEAST_SIDE = 1;
const LEGIBLE_PX = 110;
export const LARGEST_SCALE = 16;

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The scale at which a word fits its room; a line too long for that stays legible and is scrolled.
export function fitScale(width, height, roomWidth, roomHeight) {
  const whole = Math.min(roomWidth / width, roomHeight / height);
  const legible = Math.min(LEGIBLE_PX, roomHeight) / height;
  return clamp(Math.max(whole, legible), 0.02, 8);
}

// Where letters of these widths go when each wants to be at its centre and none may overlap, in visual order:
// least squares by pooling adjacent violators. Returns the centres.
export function spread(centres, widths, gap) {
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
  const wanted = blocks.flatMap((block) => Array(block.count).fill(block.sum / block.count));
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

// Two characters a person placed against the order of the line, as [earlier, later]; null if there are none. The same
// rule as the server's: one lies wholly on the wrong side of the other's middle.
export function swapped(marks, order) {
  const placed = order.filter((index) => marks[index].box && ["accepted", "pinned"].includes(marks[index].state));
  for (let k = 1; k < placed.length; k += 1) {
    const [a, b] = [marks[placed[k - 1]], marks[placed[k]]];
    if (a.state === "accepted" && b.state === "accepted") continue; // as the model showed them
    const middle = ([x0, , x1]) => (x0 + x1) / 2;
    if (b.box[2] <= middle(a.box) || a.box[0] >= middle(b.box)) return [placed[k - 1], placed[k]];
  }
  return null;
}
