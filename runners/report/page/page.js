// Sorts and filters the table of cells, opens a cell, copies a command, and keeps all that in the
// address. Without it the page is whole, only longer.
(() => {
  "use strict";
  const table = document.querySelector("table.cells");
  if (!table) return;
  document.documentElement.classList.add("js");
  const bodies = [...table.tBodies];
  const form = document.querySelector(".filters");
  const output = form && form.querySelector("output");
  const heads = [...table.tHead.rows[0].cells];
  const names = heads.map(head => head.textContent.trim());
  const order = new Intl.Collator("en", { numeric: true });
  let sorted = { at: -1, down: false };

  const link = body => body.rows[0].cells[0].querySelector("a");
  const details = body => body.rows[1].querySelector("details");
  const choices = form ? [...form.querySelectorAll("select")] : [];

  // Opening

  function open(body, is) {
    details(body).open = is;
    body.classList.toggle("opened", is);
    link(body).setAttribute("aria-expanded", is);
  }
  for (const body of bodies) open(body, details(body).open);
  table.addEventListener("toggle", event => {
    const body = event.target.closest("tbody");
    if (event.target === details(body) && body.classList.contains("opened") !== event.target.open) {
      open(body, event.target.open);
      if (!event.target.open) link(body).focus();
      save();
    }
    for (const command of event.target.querySelectorAll(".command")) addCopy(command);
  }, true);
  table.addEventListener("click", event => {
    const row = event.target.closest("tr");
    const body = event.target.closest("tbody");
    if (!body || row !== body.rows[0] || String(getSelection())) return;
    event.preventDefault();
    open(body, !details(body).open);
    save();
  });
  document.addEventListener("click", event => {  // names of cells elsewhere on the page
    const to = event.target.closest && event.target.closest("main a[href^='#c-']");
    if (!to || table.contains(to)) return;
    const body = document.getElementById(to.hash.slice(1));
    if (!body) return;
    event.preventDefault();
    if (body.hidden) { form.reset(); filter(); }
    open(body, true);
    save();
    body.scrollIntoView();
    link(body).focus();
  });

  // Copying

  function addCopy(command) {
    if (command.nextElementSibling && command.nextElementSibling.className === "copy") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      button.textContent = await copied(command) ? "Copied" : "Not copied: select it";
      button.setAttribute("aria-live", "polite");
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    command.after(button);
  }
  async function copied(command) {
    try {
      await navigator.clipboard.writeText(command.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(command);
      return document.execCommand("copy");
    }
  }
  for (const command of table.querySelectorAll(".opened .command")) addCopy(command);

  // Sorting: a number, a text, and last what is missing

  function key(body, at) {
    const cell = body.rows[0].cells[at];
    const text = (cell.dataset.s ?? cell.textContent).trim();
    if (!heads[at].hasAttribute("data-number")) return text;
    const number = Number(text);
    return text === "" || Number.isNaN(number) ? null : number;
  }
  function sort(at, down) {
    sorted = { at, down };
    heads.forEach((head, k) => head.setAttribute(
      "aria-sort", k !== at ? "none" : down ? "descending" : "ascending"));
    const keys = new Map(bodies.map(body => [body, at < 0 ? 0 : key(body, at)]));
    const rows = at < 0 ? bodies : [...bodies].sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (a === null || b === null || a === "" || b === "")
        return (a === null || a === "") - (b === null || b === "");
      const found = typeof a === "number" ? a - b : order.compare(a, b);
      return down ? -found : found;
    });
    table.append(...rows);
  }
  if (bodies.length > 1) heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const number = head.hasAttribute("data-number");
      const same = sorted.at === at;
      sort(at, same ? !sorted.down : number && names[at] !== "n");
      save();
    });
  });

  // Filtering

  const values = bodies.map(body => body.dataset.f.split(" ").map(one => one.split(",")));
  const texts = bodies.map(body => details(body).querySelector("summary").textContent.toLowerCase()
    + body.rows[0].textContent.toLowerCase());
  function filter() {
    const find = form.elements.find.value.trim().toLowerCase();
    let count = 0;
    bodies.forEach((body, at) => {
      const keeps = choices.every((choice, k) => !choice.value || values[at][k].includes(choice.value))
        && (!find || texts[at].includes(find));
      body.hidden = !keeps;
      count += keeps;
    });
    output.textContent = `${count} of ${bodies.length} cells`;
  }
  if (form) {
    form.hidden = false;
    for (const change of ["input", "change"])
      form.addEventListener(change, () => { filter(); save(); });
    form.addEventListener("submit", event => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => { filter(); save(); }));
  }

  // The address

  function save() {
    const state = new URLSearchParams();
    if (sorted.at >= 0) state.set("sort", names[sorted.at] + (sorted.down ? " down" : ""));
    for (const choice of choices)
      if (choice.value) state.set(`by.${choice.name}`, choice.selectedOptions[0].text);
    if (form && form.elements.find.value) state.set("find", form.elements.find.value);
    const opened = bodies.filter(body => body.classList.contains("opened") && bodies.length > 1);
    if (opened.length) state.set("open", opened.map(body => body.id.slice(2)).join(","));
    const hash = String(state);
    try {
      history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    } catch { /* shown inside of something else, where a page has no address */ }
  }
  function restore() {
    const hash = location.hash.slice(1);
    if (hash.startsWith("c-")) {
      const body = document.getElementById(hash);
      if (body && table.contains(body)) { open(body, true); body.scrollIntoView(); }
    }
    if (!hash.includes("=")) return;
    const state = new URLSearchParams(hash);
    const [, name, down] = /^(.*?)( down)?$/.exec(state.get("sort") || "");
    sort(names.indexOf(name), Boolean(down));
    for (const choice of choices) {
      const wanted = state.get(`by.${choice.name}`);
      const found = [...choice.options].findIndex((option, at) => at && option.text === wanted);
      choice.selectedIndex = Math.max(found, 0);
    }
    if (form) { form.elements.find.value = state.get("find") || ""; }
    const opened = (state.get("open") || "").split(",");
    if (bodies.length > 1) for (const body of bodies) open(body, opened.includes(body.id.slice(2)));
  }
  restore();
  if (form) filter();
  addEventListener("hashchange", () => { restore(); if (form) filter(); });
})();
