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
  document.getElementById("undo")?.remove();
  const bar = document.createElement("div");
  bar.id = "undo"; bar.className = "said"; bar.setAttribute("role", "status");
  const label = document.createElement("span"); label.textContent = text;
  const button = document.createElement("button");
  button.type = "button"; button.textContent = document.documentElement.lang === "fr" ? "Annuler" : "Undo";
  button.addEventListener("click", async () => {
    const body = new FormData(); body.set("back", location.pathname + location.search);
    await fetch(`/history/${edit}/undo`, { method: "POST", body, headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
    location.reload();
  });
  bar.append(label, button);
  document.getElementById("main").before(bar);
}

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

// What refreshes itself does not while somebody types in it, or has something of it open.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target.closest?.("[data-poll]");
  if (part === event.target && (part.querySelector("details[open]") || (part.contains(document.activeElement) && document.activeElement.matches("input, select")))) event.preventDefault();
});
