// The tabs of the pages by keyboard: the arrows go from one to the next, Home and End to the first and last; Enter opens.
// (gradio's own know Tab only.)

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export function bindPageTabs(signal) {
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("#charloc-tabs [role=tab]");
    if (!tab || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const all = [...document.querySelectorAll("#charloc-tabs [role=tab]")];
    const tabs = all.filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".visually-hidden"));
    const at = { Home: 0, End: -1 }[event.key] ?? (STEPS[event.key] && (tabs.indexOf(tab) + STEPS[event.key]) % tabs.length);
    if (at === undefined) return;
    event.preventDefault();
    tabs.at(at).focus();
  }, { signal }); // prettier-ignore
}
