// Characters as a reader counts them (grapheme clusters), where a transcript changes: pure functions.

// Marks that steer layout and leave no ink; the import takes out the same.
const INVISIBLE = /[\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/g;
const REFUSED = /[\p{Cc}\p{Cs}]/gu;
const JOINS = /^[\p{M}\u200C\u200D]/u; // belongs to the character before it
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Samaritan}\p{Script=Mandaic}\p{Script=Adlam}]/u;
const MOST_COMPARED = 4e6; // old times new characters

// A transcript in the one form used everywhere: NFC, single spaces, none at the ends, nothing invisible.
export function normalise(text) {
  return text.replace(/\p{White_Space}+/gu, " ").replace(INVISIBLE, "").replace(REFUSED, "").normalize("NFC").trim();
}

export function clusters(text) {
  return [...new Intl.Segmenter("und", { granularity: "grapheme" }).segment(text)].map(({ segment }) => segment);
}

// The characters of a changed transcript: what stayed at either end keeps the characters it had, however a person split
// or joined them.
export function recluster(old, text) {
  let start = 0;
  let from = 0;
  while (start < old.length && text.startsWith(old[start], from)) from += old[start++].length;
  let stop = old.length;
  let to = text.length;
  while (stop > start && to - old[stop - 1].length >= from && text.slice(0, to).endsWith(old[stop - 1])) to -= old[--stop].length;
  if (start > 0 && JOINS.test(text.slice(from))) from -= old[--start].length;
  if (stop < old.length && JOINS.test(text.slice(to))) to += old[stop++].length;
  return [...old.slice(0, start), ...clusters(text.slice(from, to)), ...old.slice(stop)];
}

// For each of `now` the index of the same character in `old`, or null: a longest common subsequence. Where as many
// characters were replaced as came instead, they stand in each other's place: {from, same: false}.
export function matched(old, now) {
  const result = now.map(() => null);
  const ends = Math.min(old.length, now.length);
  let start = 0;
  while (start < ends && old[start] === now[start]) result[start] = { from: start++, same: true };
  let tail = 0;
  while (tail < ends - start && old.at(-1 - tail) === now.at(-1 - tail)) {
    tail += 1;
    result[now.length - tail] = { from: old.length - tail, same: true };
  }
  const [a, b] = [old.slice(start, old.length - tail), now.slice(start, now.length - tail)];
  if (a.length * b.length <= MOST_COMPARED) for (const [i, j] of common(a, b)) result[start + j] = { from: start + i, same: true };
  replaced(result, old.length);
  return result;
}

function common(a, b) {
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

function replaced(result, count) {
  for (let j = 0; j < result.length; j += 1) {
    if (result[j]) continue;
    let end = j;
    while (end < result.length && !result[end]) end += 1;
    const before = j ? result[j - 1].from + 1 : 0;
    const after = end < result.length ? result[end].from : count;
    if (after - before === end - j) for (let k = j; k < end; k += 1) result[k] = { from: before + k - j, same: false };
    j = end;
  }
}

// What a character can be split into: its code points, a precomposed one's letter and marks, a ligature's letters.
// Null if it is one already.
export function parts(character) {
  for (const form of ["NFC", "NFD", "NFKD"]) {
    const found = [...character.normalize(form)];
    if (found.length > 1) return found;
  }
  return null;
}

// The order in which characters stand on the line, from left to right: as this browser sets them.
export function visualOrder(characters) {
  const order = characters.map((_, index) => index);
  if (!characters.some((each) => RIGHT_TO_LEFT.test(each))) return order;
  const line = document.createElement("div");
  line.setAttribute("style", "position:absolute;visibility:hidden;white-space:pre;unicode-bidi:plaintext;width:max-content");
  const text = document.createTextNode(characters.join(""));
  line.append(text);
  document.body.append(line);
  let at = 0;
  const lefts = characters.map((character) => {
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, (at += character.length));
    const { left, width } = range.getBoundingClientRect();
    return left + width / 2;
  });
  line.remove();
  return order.sort((a, b) => lefts[a] - lefts[b] || a - b);
}
