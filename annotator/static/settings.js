// What a person set, remembered in this browser.

// Where its storage is full or closed, a setting holds until the page is left.
export function setting(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // nothing is lost but the memory of it
  }
}
