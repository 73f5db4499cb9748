// A page may be taken out of the window and put in again, and nobody says so: what it listens to outside its own element
// ends when the next of its kind is mounted.

const mounted = new Map(); // name -> { root, ending }

// Call `begin(root, signal)`, once for an element. `signal` aborts when another element is mounted under the same name.
export function mountOnce(name, root, begin) {
  const before = mounted.get(name);
  if (before?.root === root) return;
  before?.ending.abort();
  const ending = new AbortController();
  mounted.set(name, { root, ending });
  begin(root, ending.signal);
}
