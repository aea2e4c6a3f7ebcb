// The workbench's page: shows what the stream of changes says, and sends acts. No library, no build.
"use strict";

const { words, colours, wiring } = JSON.parse(document.getElementById("words").textContent);
const language = document.documentElement.lang;
const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const stations = new Map(wiring.map((wired) => [wired.machine, { wired, box: find(`[data-machine="${wired.machine}"]`) }]));
const things = new Map(all(".thing").map((box) => [box.dataset.thing, box]));
let mains = true;
let picked = null;
let newest = null;

// --- acts ---

async function act(what, places = {}) {
  try {
    const answer = await fetch(`do/${what}?lang=${language}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(places),
    });
    if (!answer.ok) complain((await answer.json()).error);
  } catch {
    complain(words.gone);
  }
}

let quiet;
function complain(sentence) {
  const box = find("#trouble");
  box.textContent = sentence;
  box.hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => { box.hidden = true; }, 6000);
}

function lay(thing, machine) {
  pick(null);
  focusOn(thing);
  act("lay", { thing, machine });
  stations.get(machine).box.scrollIntoView({ block: "nearest", behavior: "smooth" });
}
function take(thing) {
  pick(null);
  focusOn(thing);
  act("take", { thing });
}

// Where the focus was inside what is now hidden or gone, it goes back to the badge in the drawer.
const focusOn = (thing) => find(".card", things.get(thing)).focus({ preventScroll: true });

function pick(thing) {
  picked = thing;
  document.body.classList.toggle("picking", thing !== null);
  for (const [name, box] of things) {
    find(".card", box).setAttribute("aria-expanded", String(name === thing));
    find(".where", box).hidden = name !== thing;
  }
}

// --- badges: drag with mouse or finger, click, keyboard ---

function dragging(card, thing, onClick) {
  let ghost = null;
  let start = null;
  const over = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest(".station");
  const end = () => {
    ghost?.remove();
    ghost = null;
    start = null;
    all(".reader.over").forEach((reader) => reader.classList.remove("over"));
  };
  card.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = event;
    card.setPointerCapture(event.pointerId);
  });
  card.addEventListener("pointermove", (event) => {
    if (!start) return;
    if (!ghost && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 8) return;
    if (!ghost) {
      ghost = card.cloneNode(true);
      ghost.classList.add("dragged");
      document.body.append(ghost);
    }
    ghost.style.left = `${event.clientX - 40}px`;
    ghost.style.top = `${event.clientY - 30}px`;
    const station = over(event);
    all(".reader").forEach((reader) => reader.classList.toggle("over", reader.closest(".station") === station));
  });
  card.addEventListener("pointerup", (event) => {
    const moved = ghost !== null;
    const station = moved && over(event);
    end();
    if (!moved) return;
    card.dataset.moved = "yes"; // the click that follows is the end of the drag
    setTimeout(() => delete card.dataset.moved, 0);
    if (station) lay(thing, station.dataset.machine);
    else take(thing);
  });
  card.addEventListener("pointercancel", end);
  card.addEventListener("click", () => { if (!card.dataset.moved) onClick(); });
}

for (const [thing, box] of things) {
  dragging(find(".card", box), thing, () => pick(picked === thing ? null : thing));
  all("[data-lay]", box).forEach((button) => button.addEventListener("click", () => lay(thing, button.dataset.lay)));
  find("[data-take]", box).addEventListener("click", () => take(thing));
}

// Keys act on the badge that is chosen, else on the one that has the focus.
document.addEventListener("keydown", (event) => {
  const thing = picked ?? document.activeElement?.closest(".thing")?.dataset.thing;
  const wired = wiring[Number(event.key) - 1];
  if (!thing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (wired) lay(thing, wired.machine);
  else if (event.key === "0") take(thing);
  else if (event.key === "Escape") pick(null);
});

for (const [machine, { box }] of stations) {
  find(".reader", box).addEventListener("click", (event) => {
    if (picked && !event.target.closest(".card")) lay(picked, machine);
  });
  find(".cable", box).addEventListener("click", () => act("cable", { machine }));
  all(".flip", box).forEach((button) => button.addEventListener("click", () => {
    act("switch", { machine, name: button.dataset.input, on: button.getAttribute("aria-pressed") === "true" ? "no" : "yes" });
  }));
  all(".amount input", box).forEach((slider) => slider.addEventListener("input", () => {
    const amount = slider.value;
    showAmount(slider, amount);
    clearTimeout(slider.sending);
    slider.sending = setTimeout(() => {
      slider.sending = null; // until then the page shows what was chosen, not what was last measured
      act("amount", { machine, name: slider.dataset.input, amount });
    }, 120);
  }));
  all(".press", box).forEach((button) => button.addEventListener("click", () => act("press", { machine, name: button.dataset.input })));
}
for (const name of ["mains", "kill", "freeze", "network"].filter((each) => find(`#${each}`))) {
  find(`#${name}`).addEventListener("click", (event) => {
    if (event.currentTarget.getAttribute("aria-disabled") !== "true") act(name);
  });
}

// --- sound: the buzzer as it sounds ---

let audio = null;
const tones = new Map();
find("#sound").addEventListener("click", (event) => {
  audio = audio ? (audio.close(), null) : new AudioContext();
  tones.clear();
  event.currentTarget.setAttribute("aria-pressed", String(audio !== null));
});

function sound(machine, on) {
  if (!audio || on === tones.has(machine)) return;
  if (on) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.type = "square";
    tone.frequency.value = 2300;
    volume.gain.value = 0.05;
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tones.set(machine, tone);
  } else {
    tones.get(machine).stop();
    tones.delete(machine);
  }
}

// --- what is shown ---

function showPins(levels) {
  for (const [machine, { wired, box }] of stations) {
    for (const contact of wired.contacts) {
      const closed = levels[contact.pin] === contact.closed;
      const shown = find(`[data-contact="${contact.name}"]`, box);
      shown.classList.toggle("closed", closed);
      find(".relay", shown).textContent = closed ? words.closed : words.open;
      if (contact.name === "machine") box.classList.toggle("powered", closed);
    }
    if (wired.light) {
      const lit = wired.light.map((pin) => levels[pin]);
      const lamp = find(".lamp", box);
      lamp.classList.toggle("lit", lit.some(Boolean));
      lamp.style.setProperty("--glow", `rgb(${lit.map((one) => (one ? 255 : 40)).join(" ")})`);
      find(".colour", box).textContent = colours[lit.join("")];
    }
    if (wired.buzzer !== undefined) {
      const on = Boolean(levels[wired.buzzer]);
      find(".buzzer", box).classList.toggle("sounding", on);
      find(".beep", box).textContent = on ? "!" : "–";
      sound(machine, on);
    }
  }
}

function showNow(now) {
  mains = now.mains;
  for (const [machine, { box }] of stations) {
    const plugged = !now.cables.includes(machine);
    say(find(".said", box), now.stations[machine]?.said ?? (mains ? words[now.daemon] : words.unplugged));
    find(".used", box).textContent = now.stations[machine]?.used ? `· ${now.stations[machine].used}` : "";
    find(".sensed", box).textContent = now.stations[machine]?.sensed ?? "";
    find(".reader", box).classList.toggle("unplugged", !plugged || !mains);
    const cable = find(".cable", box);
    cable.classList.toggle("pulled", !plugged);
    cable.textContent = plugged ? words.pull : words.plug;
    for (const button of all(".flip", box)) {
      const on = now.switched.includes(`${machine}/${button.dataset.input}`);
      button.setAttribute("aria-pressed", String(on));
    }
    for (const slider of all(".amount input", box)) {
      if (document.activeElement !== slider && !slider.sending) showAmount(slider, now.amounts[`${machine}/${slider.dataset.input}`] ?? 0);
    }
    showLying(machine, find(".lying", box), Object.keys(now.lying).filter((thing) => now.lying[thing] === machine));
  }
  for (const [thing, box] of things) {
    box.classList.toggle("away", thing in now.lying);
    const lies = thing in now.lying ? `→ ${stations.get(now.lying[thing]).wired.name}` : "";
    find(".lies", box).textContent = lies;
    find("[data-take]", box).hidden = !(thing in now.lying);
  }
  const plug = find("#mains");
  plug.classList.toggle("pulled", !mains);
  plug.textContent = mains ? words.mains_pull : words.mains_plug;
  const cable = find("#network");
  if (cable) { cable.classList.toggle("pulled", !now.network); cable.textContent = now.network ? words.network_pull : words.network_plug; }
  find("#daemon").textContent = mains ? words[now.daemon] : words.unplugged;
  for (const name of ["kill", "freeze"]) find(`#${name}`).setAttribute("aria-disabled", String(!mains || now.daemon !== "on"));
  all("[data-hint]").forEach((hint) => hint.classList.toggle("done", now.tried.includes(hint.dataset.hint)));
}

function showAmount(slider, amount) {
  slider.value = amount;
  const written = `${Number(amount).toLocaleString(language, { maximumFractionDigits: 1 })} ${slider.dataset.unit}`;
  slider.setAttribute("aria-valuetext", written);
  find("output", slider.parentElement).textContent = written;
}

// Displays as they look: the OLED dot by dot, the character display in its own letters.
function showDisplays(displays) {
  for (const [machine, { box }] of stations) {
    const shown = displays[machine];
    const panel = find(".display", box);
    if (!panel || !shown) continue;
    if (shown.lines) {
      panel.textContent = shown.lines.join("\n");
      panel.classList.toggle("lit", shown.backlight);
    } else {
      const pen = panel.getContext("2d");
      pen.fillStyle = "#05080a";
      pen.fillRect(0, 0, 128, 64);
      pen.fillStyle = "#7dd3fc";
      shown.pixels.forEach((row, y) => {
        const dots = BigInt(`0x${row}`);
        for (let x = 0; x < 128; x += 1) if ((dots >> BigInt(127 - x)) & 1n) pen.fillRect(x, y, 1, 1);
      });
    }
  }
}

function showLying(machine, tray, wanted) {
  const shown = all(".card", tray).map((card) => card.dataset.thing);
  if (shown.join() === wanted.join() && tray.childElementCount) return;
  tray.replaceChildren();
  for (const thing of wanted) {
    const card = find(".card", things.get(thing)).cloneNode(true);
    card.dataset.thing = thing;
    card.removeAttribute("aria-expanded");
    all("small", card).forEach((small) => small.remove());
    card.append(element("span", "unseen", `: ${words.take}`));
    dragging(card, thing, () => take(thing));
    tray.append(card);
  }
  if (!wanted.length) {
    const empty = document.createElement("span");
    empty.className = "empty";
    empty.textContent = words.nobody;
    tray.append(empty);
  }
}

function say(box, sentence) {
  if (box.textContent !== sentence) box.textContent = sentence; // or a screen reader says it again and again
}

// The last refusal is shown at its machine as long as its light would flash, and a little longer to be read.
const SHOWN = 8000;
function showRefusal(line) {
  const station = stations.get(line.station);
  if (!station) return;
  const box = find(".last", station.box);
  clearTimeout(station.hide);
  box.hidden = line.kind !== "refused";
  box.textContent = line.kind === "refused" ? line.said : "";
  if (line.kind === "refused") station.hide = setTimeout(() => { box.hidden = true; }, SHOWN);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function showJournal({ lines, sessions }) {
  find("#lines").replaceChildren(...lines.map((line) => {
    const row = element("li", line.kind, "");
    if (newest !== null && line.seq > newest) row.classList.add("new");
    row.append(element("time", "", line.time), element("span", "at", line.machine), element("span", "what", line.said));
    return row;
  }));
  if (newest !== null) lines.filter((line) => line.seq > newest).reverse().forEach(showRefusal);
  newest = lines[0]?.seq ?? 0;
  find("#sessions").replaceChildren(...sessions.map((session) => {
    const row = document.createElement("tr");
    row.append(...["machine", "member", "start", "used", "why"].map((key) => element("td", key, session[key])));
    return row;
  }));
}

const stream = new EventSource(`changes?lang=${language}`);
stream.addEventListener("pins", (event) => showPins(JSON.parse(event.data)));
stream.addEventListener("now", (event) => showNow(JSON.parse(event.data)));
stream.addEventListener("displays", (event) => showDisplays(JSON.parse(event.data)));
stream.addEventListener("journal", (event) => showJournal(JSON.parse(event.data)));
stream.addEventListener("open", () => { find("#trouble").hidden = true; });
stream.addEventListener("error", () => { complain(words.gone); clearTimeout(quiet); });
