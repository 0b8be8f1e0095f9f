// The page reads without this script; it copies, sorts, and keeps the middle while zooming.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const said = document.getElementById("said");

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // A page that was opened from a file may not be allowed to.
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "sr";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const before = button.textContent;
    const done = await copy(button.dataset.copy);
    button.textContent = done ? "Copied" : "Not allowed";
    said.textContent = button.textContent;
    setTimeout(() => { button.textContent = before; }, 1200);
  });

  for (const figure of document.querySelectorAll("figure.timeline")) {
    const view = figure.querySelector(".wide");
    const marks = [...figure.querySelectorAll(".record.cited, .failed")];
    let middle = null;
    const centre = () => {
      // What was in the middle stays there; at first that is what proves the answer.
      if (middle === null && marks.length > 0) {
        const box = marks[0].getBoundingClientRect();
        const all = view.firstElementChild.getBoundingClientRect();
        middle = (box.left + box.width / 2 - all.left) / all.width;
      }
      view.scrollLeft = (middle ?? 0.5) * view.scrollWidth - view.clientWidth / 2;
    };
    view.addEventListener("scroll", () => {
      if (view.scrollWidth > view.clientWidth) {
        middle = (view.scrollLeft + view.clientWidth / 2) / view.scrollWidth;
      }
    }, { passive: true });
    const zooms = [...figure.querySelectorAll("input")];
    for (const zoom of zooms) {
      const keep = () => { const at = middle; requestAnimationFrame(() => { middle = at; centre(); }); };
      zoom.addEventListener("change", keep);
    }
    view.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const now = zooms.findIndex((zoom) => zoom.checked);
      const next = zooms[now + (event.deltaY < 0 ? 1 : -1)];
      if (next) next.click();
    }, { passive: false });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "ascending" : "descending");
        const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
        const order = new Intl.Collator("en", { numeric: true }).compare;
        const rows = [...body.rows].sort((a, b) => (down ? 1 : -1) * order(key(a), key(b)));
        body.append(...rows);
      });
    });
  }
})();
