// The grid by keyboard and mouse, the dialog of a cell, ticks, copying. Everything else is HTML and HTMX.
"use strict";
const editor = () => document.getElementById("editor");
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
const tell = (text) => { document.getElementById("live").textContent = text; };

async function send(cell, action) {
  const body = new FormData();
  body.set("do", action);
  body.set("version", cell.dataset.version);
  if (action === "grant") body.set("level", "user");
  const answer = await fetch(cell.dataset.cell, { method: "POST", body, headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
  const text = await answer.text();
  if (answer.ok) replace(cell.id, text);
  else show(text, cell);
}

function replace(id, html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  const made = holder.content.firstElementChild;
  const old = document.getElementById(id);
  if (!made || !old) { location.reload(); return; }
  old.replaceWith(made);
  made.focus();
  tell(made.getAttribute("aria-label"));
  if (made.dataset.edit) offerUndo(made.dataset.edit, made.getAttribute("aria-label"));
}

function offerUndo(edit, text) {
  const bar = document.createElement("div");
  bar.id = "undo"; bar.className = "said"; bar.setAttribute("role", "status");
  const label = document.createElement("span"); label.className = "grow"; label.textContent = text;
  const button = document.createElement("button");
  button.type = "button"; button.className = "btn btn-sm";
  button.textContent = document.documentElement.lang === "fr" ? "Défaire" : "Undo";
  button.addEventListener("click", async () => {
    const body = new FormData(); body.set("back", location.pathname + location.search);
    await fetch(`/history/${edit}/undo`, { method: "POST", body, headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
    location.reload();
  });
  bar.append(label, button);
  document.querySelector(".toasts").replaceChildren(bar);
  leave(bar);
}

// A reply goes by itself after eight seconds, unless somebody is at it; one that says that something is wrong stays.
function leave(said) {
  if (said.classList.contains("bad")) return;
  let left = 8;
  const tick = setInterval(() => {
    if (said.matches(":hover, :focus-within")) { left = 8; return; }
    if (--left <= 0) { clearInterval(tick); said.remove(); }
  }, 1000);
}
document.querySelectorAll(".toasts > .said").forEach(leave);

function show(html, cell) {
  const box = editor();
  box.innerHTML = html;
  if (!box.open) box.showModal();
  box.dataset.of = cell.id;
}

async function open(cell) {
  const answer = await fetch(cell.dataset.cell, { headers: { "HX-Request": "true" } });
  if (answer.headers.get("HX-Redirect")) { location.assign(answer.headers.get("HX-Redirect")); return; }
  show(await answer.text(), cell);
}

document.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-cell]");
  if (cell) { cell.classList.contains("none") ? send(cell, "grant") : open(cell); return; }
  if (event.target.closest("[data-close]")) { if (!editor()) { location.assign("/whitelist"); return; } editor().close(); document.getElementById(editor().dataset.of)?.focus(); return; }
  if (event.target.closest("[data-dismiss]")) { event.target.closest(".said").remove(); return; }
  if (event.target.closest("[data-print]")) { print(); return; }
  if (event.target.closest("[data-search]") && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search(); return; }
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(document.querySelector(copy.dataset.copy).textContent);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-cell-form]");
  if (!form || !editor()) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const answer = await fetch(form.action, { method: "POST", body, headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
  const text = await answer.text();
  if (answer.ok) { const id = form.dataset.cellForm; editor().close(); replace(id, text); }
  else editor().innerHTML = text;
});

const KEYS = { g: "grant", e: "extend", r: "revoke", n: "revoke_now" };
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("[data-cell]");
  if (!cell || event.ctrlKey || event.altKey || event.metaKey) return;
  const box = cell.parentElement, row = box.parentElement;
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (step) {
    event.preventDefault();
    const to = step[0] ? row[step[0] > 0 ? "nextElementSibling" : "previousElementSibling"]?.cells[box.cellIndex] : row.cells[box.cellIndex + step[1]];
    to?.querySelector("[data-cell]")?.focus();
  } else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(cell);
  } else if (KEYS[event.key.toLowerCase()]) {
    const action = KEYS[event.key.toLowerCase()];
    if (action !== "grant" && cell.classList.contains("none")) return;
    event.preventDefault();
    // What somebody has is changed where its level and its end are seen.
    action === "grant" && !cell.classList.contains("none") ? open(cell) : send(cell, action);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches?.(".filters[hx-get] select")) htmx.trigger(event.target.form, "chosen");
  const form = event.target.closest?.("#class");
  if (!form) return;
  if (event.target.id === "tick-all") form.querySelectorAll('tbody input[name="member"]').forEach((tick) => { tick.checked = event.target.checked; });
  const count = form.querySelectorAll('tbody input[name="member"]:checked').length;
  document.getElementById("ticked").textContent = count;
  document.getElementById("bar").hidden = !count;
});

// Searching from anywhere: "/" or Ctrl K; arrows move, Enter opens.
function search() {
  let box = document.getElementById("palette");
  if (!box) {
    box = document.createElement("dialog");
    box.id = "palette"; box.className = "palette";
    box.addEventListener("keydown", (event) => {
      const links = [...box.querySelectorAll("a")];
      const at = links.indexOf(document.activeElement);
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); (links[at + step] ?? (step > 0 ? links[0] : box.querySelector("input")))?.focus(); }
      if (event.key === "Enter" && event.target.matches("input") && links[0]) { event.preventDefault(); location.assign(links[0].href); }
    });
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    document.body.append(box);
  }
  htmx.ajax("GET", "/search?part=1", { target: box, swap: "innerHTML" }).then(() => {
    if (!box.open) box.showModal();
    box.querySelector("input")?.focus();
  });
}
document.addEventListener("keydown", (event) => {
  const types = event.target.matches?.("input, select, textarea, [contenteditable]");
  if ((event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !types && !event.ctrlKey && !event.altKey)) {
    if (!document.querySelector("[data-search]")) return;
    event.preventDefault();
    search();
  }
});

// Focus goes into what opens, and to what it was opened by afterwards.
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.(".sheet") && event.newState === "open") event.target.querySelector("form input:not([type=hidden], [type=radio]), form select, form button")?.focus();
}, true);
document.addEventListener("htmx:afterSwap", (event) => {
  const at = event.target.querySelector?.("[data-at]")?.dataset.at;
  if (at) document.querySelectorAll("[data-live]").forEach((each) => { each.textContent = at; });
});

// What refreshes itself does not while somebody types in it, has typed something, or has something of it open:
// not even when the answer was on its way already.
const isHeld = (part) => part.querySelector("details[open], [popover]:popover-open")
  || (part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"))
  || [...part.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), textarea")].some((each) => each.value !== each.defaultValue);
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target.closest?.("[data-poll]");
  if (part === event.target && (document.hidden || isHeld(part))) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.target.closest?.("[data-poll]");
  if (part === event.target && event.detail.requestConfig?.elt === part && isHeld(part)) event.detail.shouldSwap = false;
});
