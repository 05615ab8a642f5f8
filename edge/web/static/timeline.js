// Which events the list shows: a day and a time of it on a bar of marks, a camera, a label, a zone, alerts, clips.

import { $, ask, draw, fill, make } from "./dom.js";
import { readAgain, setView, viewQuery } from "./events.js";
import { count, timeOf, title } from "./words.js";

const AGAIN_MS = 5000; // the bar follows new events, but not each of them

let cameras = []; // names, as the status has them
let day = null; // the midnight of the chosen day, a Date; null: the newest, whatever day they are of
let until = null; // only what came before it, Unix seconds
let bar = { from: 0, to: 1, slot: 300, marks: {} }; // what is drawn
let shown = false;
let asked = 0;
let due = null;
let waiting = null;

const today = () => midnight(new Date());
const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
const nextDay = (date, days = 1) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
const isoDay = (date) => [date.getFullYear(), String(date.getMonth() + 1).padStart(2, "0"), String(date.getDate()).padStart(2, "0")].join("-");

function chosen() {
  const form = $("filter");
  return { camera: form.camera.value, label: form.label.value, zone: form.zone.value, armed: form.armed.checked, clip: form.clip.checked, fell: form.fell.checked };
}

/** Show what is chosen: the list, the bar, and in words how much is left out. */
function apply() {
  shown = true;
  const filters = chosen();
  const narrow = Object.values(filters).filter(Boolean).length;
  $("filter-open").dataset.count = narrow || "";
  $("filter-clear").hidden = !narrow;
  $("day-next").disabled = !day || day >= today();
  $("day-latest").hidden = !day && until === null;
  fill($("day-until"), until === null ? "" : `until ${timeOf(until)}`);
  setView({ ...filters, ...(day && { from: day / 1000, to: until ?? nextDay(day) / 1000 }) });
  readBar();
}

function goToDay(date) {
  until = null;
  day = date && date < nextDay(today()) ? midnight(date) : null;
  apply();
}

// ---------------------------------------------------------------- the bar of the day

async function readBar() {
  const mine = (asked += 1);
  const drawn = day ?? today();
  const [from, to] = [drawn / 1000, nextDay(drawn) / 1000];
  $("day").value = isoDay(drawn);
  const { ok, said } = await ask(`/api/day?${viewQuery({ ...chosen(), from, to })}`);
  if (!ok || mine !== asked) return;
  bar = { from, to, slot: said.slot_s, marks: said.marks };
  choices($("filter").label, said.labels);
  choices($("filter").zone, said.zones);
  drawBar();
}

function drawBar() {
  const slots = (bar.to - bar.from) / bar.slot;
  const known = [...cameras, ...Object.keys(bar.marks).filter((name) => !cameras.includes(name))];
  const rows = known.filter((name) => !$("filter").camera.value || name === $("filter").camera.value);
  $("strip-rows").replaceChildren(...rows.map((name) => barRow(name, bar.marks[name] ?? [], slots)));
  $("strip").hidden = !rows.length;
  $("strip-time").max = slots;
  $("strip-time").value = until === null ? slots : (until - bar.from) / bar.slot;
  const now = (Date.now() / 1000 - bar.from) / bar.slot / slots;
  $("strip").style.setProperty("--now", now >= 0 && now <= 1 ? `${now * 100}%` : "200%");
  standAtChosen();
}

function barRow(name, marks, slots) {
  const path = (wanted) => marks.filter(wanted).map(([slot]) => `M${slot} 0h1.6v10h-1.6z`).join("");
  const total = marks.reduce((sum, [, many]) => sum + many, 0);
  const alerts = marks.reduce((sum, [, , armed]) => sum + armed, 0);
  const told = `${title(name)}: ${count(total, "event")}${alerts ? `, ${alerts} while armed` : ""}`;
  const svg = draw("svg", { viewBox: `0 0 ${slots} 10`, preserveAspectRatio: "none", role: "img", "aria-label": told });
  svg.append(
    draw("path", { d: path(([, , armed]) => !armed), class: "strip__calm" }),
    draw("path", { d: path(([, , armed]) => armed), class: "strip__armed" }),
  );
  return make("div", { className: "strip__row" }, make("span", { className: "strip__name", textContent: title(name) }), svg);
}

/** Say what is at a slot while it is pointed at. */
function pointAt(slot) {
  $("strip").dataset.pointed = String(slot !== null);
  if (slot === null) return;
  const time = bar.from + slot * bar.slot;
  const share = (slot * bar.slot) / (bar.to - bar.from);
  const near = Object.values(bar.marks).flat().filter(([at]) => Math.abs(at + 0.5 - slot) <= 1);
  const many = near.reduce((sum, [, objects]) => sum + objects, 0);
  const text = `${timeOf(time)}${many ? ` · ${count(many, "event")}` : ""}`;
  $("strip").style.setProperty("--at", `${share * 100}%`);
  fill($("strip-at"), text);
  $("strip-time").setAttribute("aria-valuetext", text);
}

/** Nothing is pointed at any more: the mark of the chosen time stays, which is said beside the date. */
function standAtChosen() {
  pointAt(until === null ? null : (until - bar.from) / bar.slot);
  if (until !== null) $("strip").dataset.pointed = "chosen";
}

/** The list begins with what came up to the end of this slot. */
function goTo(slot) {
  day = midnight(new Date(bar.from * 1000));
  until = Math.min(bar.to, bar.from + (slot + 1) * bar.slot);
  if (until >= bar.to) until = null;
  apply();
}

function listenToBar() {
  const strip = $("strip-track");
  const slotAt = (event) => {
    const { left, width } = strip.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    return Math.min(Math.floor((share * (bar.to - bar.from)) / bar.slot), (bar.to - bar.from) / bar.slot - 1);
  };
  let pulled = false;
  strip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pulled = true;
    strip.setPointerCapture(event.pointerId);
    pointAt(slotAt(event));
  });
  strip.addEventListener("pointermove", (event) => (pulled || event.pointerType === "mouse") && pointAt(slotAt(event)));
  strip.addEventListener("pointerup", (event) => {
    if (pulled) goTo(slotAt(event));
    pulled = false;
  });
  for (const kind of ["pointerleave", "pointercancel"]) {
    strip.addEventListener(kind, () => {
      pulled = false;
      standAtChosen();
    });
  }
  $("strip-time").addEventListener("input", () => {
    pointAt(Number($("strip-time").value));
    clearTimeout(due);
    due = setTimeout(() => goTo(Number($("strip-time").value) - 1), 400); // arrow keys come in series
  });
}

// ---------------------------------------------------------------- filters

function choices(select, names) {
  const value = select.value;
  const wanted = value && !names.includes(value) ? [...names, value] : names;
  if (select.dataset.names === wanted.join()) return;
  select.dataset.names = wanted.join();
  select.replaceChildren(select.options[0], ...wanted.map((name) => make("option", { value: name, textContent: title(name) })));
  select.value = value;
  select.closest("label").hidden = !wanted.length;
}

/** The cameras of the status: their rows stand in the bar also on a quiet day. */
export function knowCameras(names) {
  if (names.join() === cameras.join()) return;
  cameras = names;
  choices($("filter").camera, names);
  drawBar();
}

/** Something new was seen: the bar is read again soon. */
export function happened() {
  waiting ??= setTimeout(() => {
    waiting = null;
    if (!document.hidden) readBar();
  }, AGAIN_MS);
}

/** Read list and bar: at the start, and when messages may have been missed. */
export function show() {
  if (!shown) return apply();
  readAgain();
  readBar();
}

export function startTimeline() {
  $("filter").addEventListener("change", apply);
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  $("filter-open").addEventListener("click", () => {
    const opened = $("filter").hidden;
    $("filter").hidden = !opened;
    $("filter-open").setAttribute("aria-expanded", String(opened));
  });
  $("filter-clear").addEventListener("click", () => {
    $("filter").reset();
    apply();
  });
  $("day").addEventListener("change", () => goToDay($("day").valueAsDate && new Date(`${$("day").value}T00:00`)));
  $("day-before").addEventListener("click", () => goToDay(nextDay(day ?? today(), -1)));
  $("day-next").addEventListener("click", () => goToDay(nextDay(day, 1)));
  $("day-latest").addEventListener("click", () => goToDay(null));
  listenToBar();
}
