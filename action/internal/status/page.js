"use strict";
// The page works without this script. It adds a filter, sorting, and, while a server
// feeds the page, the runs as they go.
for (const section of document.querySelectorAll("section[data-table]")) {
  const table = section.querySelector("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const text = section.querySelector("input");
  const health = section.querySelector("select");
  const count = section.querySelector("[role=status]");
  // The text of each row is read once: ten thousand rows are searched at each key.
  const words = rows.map((row) => row.textContent.toLowerCase());

  const filter = () => {
    const wanted = text ? text.value.trim().toLowerCase() : "";
    const only = health ? health.value : "";
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = words[i].includes(wanted) && (only === "" || row.dataset.health === only);
      row.hidden = !fits;
      if (fits) shown++;
    });
    if (count) count.textContent = shown + " of " + rows.length + " shown";
  };
  if (text) text.addEventListener("input", filter);
  if (health) health.addEventListener("change", filter);

  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = header.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending";
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const compare = new Intl.Collator(undefined, { numeric: true }).compare;
      const sorted = rows.map((row) => [key(row), row]).sort((a, b) => compare(a[0], b[0]));
      if (down) sorted.reverse();
      body.append(...sorted.map((pair) => pair[1]));
    });
  });
}

const live = document.body.dataset.events;
if (live) {
  const source = new EventSource(live);
  const said = document.getElementById("live");
  source.addEventListener("report", (event) => {
    const next = new DOMParser().parseFromString(event.data, "text/html");
    for (const id of ["verdict", "cards", "runs"]) {
      document.getElementById(id).replaceWith(document.importNode(next.getElementById(id), true));
    }
    said.textContent = "Last update " + new Date().toLocaleTimeString();
  });
  source.addEventListener("error", () => { said.textContent = "The server has gone. Start linkersync status --serve again."; });
}
