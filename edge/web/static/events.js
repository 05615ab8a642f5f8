// The list of events: messages and objects in, one card an object out, as much of it as the view asks for.

import { $, arrange, ask, fill, make, say, stamp } from "./dom.js";
import { factsOf, fellIn, hasClip, headingOf, pictureUrl, thumbUrl } from "./event.js";
import { dayOf, fullTime, timeOf, when, words } from "./words.js";

const KEPT = 400; // cards of a list that grows by itself
const PAGE = 60;
const MOST = 180; // objects of one answer; the device gives up to 200

const objects = new Map(); // id -> {node, after, row, at}
let view = {}; // camera, label, zone, armed, clip, fell; from and to in Unix seconds: what is absent asks for nothing
let last = null; // id of the oldest object that was read in order
let pages = 0;
let asked = 0; // counts the readings: an answer to an older one comes too late
let heard = { open() {}, told() {}, happened() {} };

export const viewQuery = (chosen) => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(chosen)) if (value !== "" && value != null && value !== false) query.set(name, value === true ? "1" : value);
  return query;
};

function fits(row) {
  const { after, armed } = row;
  return (
    (!view.camera || after.camera === view.camera) &&
    (!view.label || after.label === view.label) &&
    (!view.zone || (after.entered_zones ?? []).includes(view.zone)) &&
    (!view.armed || !["disarmed", "arming"].includes(armed)) &&
    (!view.clip || after.has_clip) &&
    (!view.fell || fellIn(row)) &&
    (view.from == null || after.start_time >= view.from) &&
    (view.to == null || after.start_time < view.to)
  );
}

/** Newer messages, newest first. Those of objects that the view does not want are passed over. */
export function takeRows(rows, announce) {
  let fresh = false;
  for (const row of [...rows].reverse()) {
    const known = objects.get(row.after.id);
    if (known && known.row.captured_at > row.captured_at) continue;
    fresh ||= !known;
    if (!known && !fits(row)) continue;
    const object = put(row, known);
    if (!known && announce) {
      object.node.classList.add("event--new");
      say(`${headingOf(row)}, ${words(row.after.camera)}, ${timeOf(row.after.start_time)}`);
    }
  }
  list();
  if (fresh) heard.happened();
}

function put(row, known = objects.get(row.after.id)) {
  const object = known ?? { node: newEvent(row.after.id) };
  objects.set(row.after.id, Object.assign(object, { after: row.after, row, at: performance.now() }));
  showEvent(object);
  heard.told(row);
  return object;
}

/** Show another choice, from its newest object on. */
export function setView(chosen) {
  view = chosen;
  return read(null, PAGE);
}

/** Read what is shown anew, since messages may have been missed; no shorter than it was, so that nothing scrolls. */
export const readAgain = () => read(null, Math.min(pages * PAGE, MOST));

async function read(before, size) {
  const mine = (asked += 1);
  const began = performance.now();
  const panel = $("events");
  panel.setAttribute("aria-busy", "true");
  const { ok, said } = await ask(`/api/objects?${viewQuery({ limit: size, before, ...view })}`);
  if (mine !== asked) return;
  panel.removeAttribute("aria-busy");
  fill($("events-wrong"), ok ? "" : (said?.error ?? "The list could not be read."));
  $("events-wrong").hidden = ok;
  if (!ok) return;
  if (before === null) {
    const wanted = new Set(said.map((row) => row.after.id));
    for (const [id, object] of [...objects]) {
      const newer = object.at > began && fits(object.row); // it came by the feed meanwhile
      if (!wanted.has(id) && !newer) objects.delete(id);
    }
    pages = 0;
  }
  pages += size / PAGE;
  for (const row of said) put(row);
  last = said.at(-1)?.after.id ?? last;
  $("older").hidden = said.length < size;
  list();
}

function newEvent(id) {
  const node = stamp("event-template");
  node.dataset.id = id;
  node.querySelector(".event__open").addEventListener("click", () => heard.open(objects.get(id).row));
  const image = node.querySelector("img");
  image.addEventListener("error", () => {
    const picture = image.dataset.picture;
    if (!picture || image.getAttribute("src") === picture) image.hidden = true;
    else {
      image.style.objectPosition = image.dataset.at;
      image.src = picture; // no small one of it
    }
  });
  return node;
}

function showEvent({ node, after, row }) {
  const image = node.querySelector("img");
  const unsent = { pending: "Not sent yet", parked: "Refused", dropped: "Dropped" }[row.state] ?? "";
  fill(node.querySelector(".event__title"), headingOf(row));
  fill(node.querySelector(".event__facts"), factsOf(after));
  node.querySelector("time").dateTime = new Date(after.start_time * 1000).toISOString();
  node.querySelector("time").title = fullTime(after.start_time);
  node.dataset.now = String(after.end_time == null);
  node.dataset.fell = String(fellIn(row));
  node.dataset.nothing = String(Boolean(after.false_positive));
  node.dataset.delivery = row.state ?? "";
  fill(node.querySelector(".event__state"), after.end_time == null ? "Now" : after.false_positive ? "Was nothing" : unsent);
  node.querySelector(".event__clip").hidden = !hasClip(row);
  image.hidden = !after.has_snapshot;
  if (after.has_snapshot && image.dataset.picture !== pictureUrl(after)) {
    const box = after.snapshot?.box ?? after.box;
    const [width, height] = after.frame_size ?? [1, 1];
    image.dataset.at = box ? `${((box[0] + box[2]) / 2 / width) * 100}% ${((box[1] + box[3]) / 2 / height) * 100}%` : "";
    image.style.objectPosition = ""; // the small picture has the object in its middle
    image.dataset.picture = pictureUrl(after);
    image.src = thumbUrl(after);
  }
}

function list() {
  const sorted = [...objects.values()].sort((a, b) => b.after.start_time - a.after.start_time);
  if (pages < 2) for (const gone of sorted.splice(KEPT)) objects.delete(gone.after.id);
  const headings = new Map([...$("event-list").querySelectorAll(".day")].map((node) => [node.textContent, node]));
  const nodes = [];
  let current = "";
  for (const { node, after } of sorted) {
    const name = dayOf(new Date(after.start_time * 1000));
    if (name !== current) nodes.push(headings.get(name) ?? make("h3", { className: "day", textContent: name }));
    current = name;
    nodes.push(node);
  }
  arrange($("event-list"), nodes);
  const chosen = viewQuery(view).size > 0;
  $("no-events").hidden = sorted.length > 0 || chosen;
  $("none-chosen").hidden = sorted.length > 0 || !chosen;
  tellTimes();
}

export function tellTimes() {
  for (const { node, after } of objects.values()) fill(node.querySelector("time"), when(after.start_time));
}

/** Take a row of an object that the list shows, e.g. with the owner's word on it. */
export function takeRow(row) {
  if (objects.has(row.after.id)) put(row);
}

/** `open(row)` shows one event, `told(row)` hears of each message, `happened()` of each object that is new. */
export function startEvents(listeners) {
  heard = listeners;
  $("older").addEventListener("click", async () => {
    $("older").disabled = true;
    await read(last, PAGE);
    $("older").disabled = false;
  });
}
