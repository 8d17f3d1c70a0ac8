// Comfort only: every page works without this file.
"use strict";

// A notice is about what just happened; a reload or a bookmark should not say it again.
(() => {
  const address = new URL(location.href);
  if (address.searchParams.has("notice")) {
    address.searchParams.delete("notice");
    history.replaceState(null, "", address);
  }
})();

// On a phone the menu is wider than the screen: begin where one is.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// The panel behind the name closes like a menu.
for (const event of ["click", "keydown"]) {
  document.addEventListener(event, (happened) => {
    const open = document.querySelector("details.who[open]");
    if (!open) return;
    if (event === "keydown" && happened.key === "Escape") {
      open.open = false;
      open.querySelector("summary").focus();
    } else if (event === "click" && !open.contains(happened.target)) {
      open.open = false;
    }
  });
}

// Rejecting: a known reason fills the field, and what is typed is shown as the requester will read it.
document.addEventListener("change", ({ target }) => {
  const filled = target.dataset?.fills && document.getElementById(target.dataset.fills);
  if (filled && target.value) {
    filled.value = target.value;
    target.value = "";
    filled.dispatchEvent(new Event("input", { bubbles: true }));
    filled.focus();
  }
});
document.addEventListener("input", ({ target }) => {
  const shown = target.dataset?.previewedIn && document.getElementById(target.dataset.previewedIn);
  if (shown) {
    shown.textContent = target.value;
    shown.closest(".preview").hidden = !target.value.trim();
  }
});

// Lists: tick all; and when the list comes anew, what was ticked stays ticked.
const ticks = (within) => within.querySelectorAll("input[type=checkbox][name=id]");
const offerTickAll = () => {
  for (const button of document.querySelectorAll("[data-tick-all]")) {
    button.hidden = ticks(button.closest("form")).length === 0;
  }
};
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-tick-all]");
  if (!button) return;
  const boxes = [...ticks(button.closest("form"))];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
});
let ticked = [];
document.addEventListener("htmx:beforeSwap", () => {
  ticked = [...document.querySelectorAll("#list input[name=id]:checked")].map((box) => box.value);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const box of document.querySelectorAll("#list input[name=id]")) box.checked = ticked.includes(box.value);
  offerTickAll();
});
offerTickAll();

// Nobody decides twice by clicking twice.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
