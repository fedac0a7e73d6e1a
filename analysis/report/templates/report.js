// Figures, sorting, one search box for the page and switches for categories. Nothing is fetched
// but files of this report. State stands in the address: ?persona=...&hide=category&hide=...
const farmFigures = {};  // slug -> spec; filled by figures/SLUG.js
(() => {
  "use strict";
  const root = document.documentElement;
  const folder = root.dataset.root;
  const views = new Map();  // slug -> Vega view
  const errors = [];
  const note = (error) => { errors.push(String(error)); root.dataset.errors = errors.join(" | "); };
  window.addEventListener("error", (event) => note(event.message));
  root.dataset.errors = "";

  // ---- files of the report, each once
  const scripts = new Map();
  const load = (path) => {
    if (!scripts.has(path)) {
      scripts.set(path, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = folder + path;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${path} cannot be read`));
        document.head.append(script);
      }));
    }
    return scripts.get(path);
  };

  // ---- what is searched for and what is switched off
  const query = new URLSearchParams(location.search);
  const state = { needle: query.get("persona") || "", hidden: new Set(query.getAll("hide")) };
  const labels = new Set(Object.keys(farmPeople).map((label) => label.toLowerCase()));
  const writeNeedle = () => {
    const needle = state.needle.trim().toLowerCase();
    return labels.has(needle) ? `\n${needle}\n` : needle;  // a whole label: that persona alone
  };
  const addState = (url) => {
    url.searchParams.delete("persona");
    url.searchParams.delete("hide");
    if (state.needle.trim()) url.searchParams.set("persona", state.needle.trim());
    for (const category of state.hidden) url.searchParams.append("hide", category);
    return url;
  };

  const setParams = (view) => {
    const values = { needle: writeNeedle(), hidden_categories: [...state.hidden] };
    let changed = false;
    for (const [name, value] of Object.entries(values)) {
      try { view.signal(name, value); changed = true; } catch { /* a figure without personas */ }
    }
    return changed ? view.runAsync() : null;
  };

  // ---- figures: drawn when they come near, a picture of each until then
  const draw = async (target) => {
    const slug = target.dataset.figure;
    try {
      await Promise.all([load("assets/vega.js"), load(`figures/${slug}.js`)]);
      const options = { actions: false, renderer: "svg", tooltip: { theme: "custom" } };
      const place = document.createElement("div");
      place.className = "drawn";
      target.append(place);
      const { view } = await vegaEmbed(place, farmFigures[slug], options);
      target.classList.add("is-drawn");  // its picture is kept for paper
      views.set(slug, view);
      await setParams(view);
    } catch (error) {
      note(error);
    }
    root.dataset.plots = String(views.size);
    measure();
  };
  const measure = () => { root.dataset.overflow = String(root.scrollWidth - root.clientWidth); };
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "600px" });

  // ---- tables
  const readValue = (cell) => {
    if (cell.classList.contains("undefined")) return "";
    if (cell.classList.contains("word")) return cell.textContent;
    return Number.parseFloat(cell.dataset.value ?? cell.textContent.replaceAll(",", ""));
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number")
    ? a - b : String(a).localeCompare(String(b), "en");
  const sortBy = (heading) => {
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const falls = heading.getAttribute("aria-sort") === "descending"
      || (heading.classList.contains("word") && heading.getAttribute("aria-sort") !== "ascending");
    const sign = falls ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [readValue(row.cells[column]), row]);
    rows.sort(([x], [y]) => {
      if (x === "" || y === "") return (x === "") - (y === "");  // not defined stays at the end
      return sign * compare(x, y);
    });
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falls ? "ascending" : "descending");
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };

  const mark = () => {
    const needle = writeNeedle();
    const people = new Set();
    for (const row of document.querySelectorAll("tr[data-label], tr[data-category]")) {
      row.hidden = state.hidden.has(row.dataset.category);
      const label = row.dataset.label;
      const isFound = needle !== "" && label !== undefined
        && `\n${label.toLowerCase()}\n`.includes(needle);
      row.classList.toggle("found", isFound);
      if (isFound) people.add(label);
    }
    for (const scroller of document.querySelectorAll(".scroller.tall")) {
      const first = scroller.querySelector("tr.found:not([hidden])");
      const below = first ? first.offsetTop - scroller.clientHeight / 3 : 0;
      if (first || needle === "") scroller.scrollTop = Math.max(0, below);
    }
    root.classList.toggle("searching", people.size > 0);
    return people;
  };

  const input = document.getElementById("persona");
  const page = document.getElementById("persona-page");
  const hits = document.getElementById("hits");
  const boxes = [...document.querySelectorAll("#categories input")];
  const apply = () => {
    const people = mark();
    const exact = Object.keys(farmPeople)
      .find((label) => label.toLowerCase() === state.needle.trim().toLowerCase());
    page.hidden = exact === undefined;
    if (exact !== undefined) page.href = folder + farmPeople[exact];
    const isKnown = Object.keys(farmPeople)
      .some((label) => label.toLowerCase().includes(state.needle.trim().toLowerCase()));
    hits.textContent = state.needle.trim() === "" || exact !== undefined ? ""
      : !isKnown ? "no such persona" : people.size > 1 ? `${people.size} personas` : "";
    root.classList.toggle("filtered", state.needle.trim() !== "" || state.hidden.size > 0);
    const count = document.getElementById("hidden-count");
    if (count) count.textContent = state.hidden.size ? `(${state.hidden.size} hidden)` : "";
    for (const view of views.values()) setParams(view);
    try { history.replaceState(null, "", addState(new URL(location.href))); } catch { /* kept here */ }
  };

  input.value = state.needle;
  input.addEventListener("input", () => { state.needle = input.value; apply(); });
  for (const label of Object.keys(farmPeople)) {
    document.getElementById("people").append(new Option(label, label));
  }
  for (const box of boxes) {
    box.checked = !state.hidden.has(box.value);
    box.addEventListener("change", () => {
      if (box.checked) state.hidden.delete(box.value); else state.hidden.add(box.value);
      apply();
    });
  }
  for (const heading of document.querySelectorAll("thead th")) {
    heading.querySelector("button")?.addEventListener("click", () => sortBy(heading));
  }
  // A link to another page takes the state along; it is written when the link is about to be used.
  const carry = (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || link.getAttribute("href").startsWith("#")) return;
    const url = new URL(link.href);
    if (url.pathname.endsWith(".html")) link.href = addState(url).href;
  };
  for (const name of ["pointerdown", "focusin", "click"]) document.addEventListener(name, carry, true);

  apply();
  measure();
  root.dataset.plots = "0";
  for (const target of document.querySelectorAll("[data-figure]")) watcher.observe(target);
})();
