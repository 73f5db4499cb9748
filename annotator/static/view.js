// How the image is looked at: contrast, and what is drawn over it. Kept from word to word and over reloads; the stage
// keeps the zoom.

import { setting } from "./settings.js";

const STORED = "charloc.view";
const CONTRASTS = ["normal", "high", "inverted"];
const OVERLAYS = ["all", "letters", "none"];
const SAID = {
  normal: "Contrast: as it is", high: "Contrast: high", inverted: "Contrast: light and dark exchanged",
  all: "Boxes and letters", letters: "Letters only", none: "Nothing but the image",
}; // prettier-ignore

export class View {
  constructor(editor) {
    this.editor = editor;
    this.contrast = CONTRASTS[0];
    this.overlay = OVERLAYS[0];
    try {
      const { contrast, overlay } = JSON.parse(localStorage.getItem(STORED)) ?? {};
      if (CONTRASTS.includes(contrast)) this.contrast = contrast;
      if (OVERLAYS.includes(overlay)) this.overlay = overlay;
    } catch {
      // damaged: as at first
    }
    this.apply();
  }

  nextContrast() {
    this.contrast = after(CONTRASTS, this.contrast);
    this.changed(this.contrast);
  }

  nextOverlay() {
    this.overlay = after(OVERLAYS, this.overlay);
    this.changed(this.overlay);
  }

  // Hide the boxes, or show them again.
  hide() {
    this.overlay = this.overlay === "all" ? "letters" : "all";
    this.changed();
  }

  changed(what) {
    setting(STORED, JSON.stringify({ contrast: this.contrast, overlay: this.overlay }));
    this.apply();
    if (what) this.editor.toast(SAID[what]);
  }

  apply() {
    const { editor } = this;
    const stage = editor.part("stage");
    stage.dataset.contrast = this.contrast;
    editor.part("legend").dataset.contrast = this.contrast;
    stage.dataset.overlay = this.overlay;
    editor.stage.setHidden(this.overlay !== "all");
    editor.button("hide").setAttribute("aria-pressed", String(this.overlay !== "all"));
    editor.button("contrast").setAttribute("aria-pressed", String(this.contrast !== "normal"));
  }
}

function after(all, one) {
  return all[(all.indexOf(one) + 1) % all.length];
}
