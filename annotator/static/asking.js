// What the pages ask the server. It may refuse, be away, or be killed in the middle of its answer: who asks always gets a
// record, and nothing is thrown.

const AWAY = "The server cannot be reached. Start it again, then try once more.";

// Ask for a path; with a body (null, too) it is a change. Where nothing came `withinMs`, it counts as away.
//
// Returns { ok, answer, status, detail }: `answer` is what it said, null if nothing came or not all of it; `status` that
// of a whole answer, else 0; `detail` why it is not `ok`, for people, and "" where it is.
export async function ask(path, body, withinMs) {
  const request = {};
  if (body !== undefined) {
    Object.assign(request, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }
  if (withinMs) request.signal = AbortSignal.timeout(withinMs);
  const response = await fetch(path, request).catch(() => null);
  const answer = (await response?.json().catch(() => null)) ?? null;
  const status = answer === null ? 0 : response.status;
  if (status && response.ok) return { ok: true, answer, status, detail: "" };
  return { ok: false, answer, status, detail: answer?.detail ?? AWAY };
}
