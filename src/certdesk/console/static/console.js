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
