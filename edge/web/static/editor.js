// Zones, lines and masks on a camera's picture, drawn with mouse, finger or keys, and stored in the configuration.

import { ask, complain, follow, tell, watchAlarm } from "./desk.js";
import { $, draw, fill, make, sleep } from "./dom.js";
import { NAMES, begin, change, dropCorner, finish, isDirty, load, onChange, pick, remember, shapeOf, sorted, state, stop, undo, wanted } from "./drawing.js";
import { CORNERS, MOST, clamp, isLine } from "./shapes.js";
import { REACH_PX, show, svg } from "./view.js";
import { title } from "./words.js";

const ICONS = { zone: "zone", line: "line", motion_mask: "mask", object_mask: "mask" };
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const EVERY_MS = 300; // between two pictures

let camera = "";
let refused = false; // the banner says what is wrong with shapes, and goes once one of them was changed
let held = null; // {points, index} while a corner is being dragged

// ---------------------------------------------------------------- mouse, finger, keys

function pointOf(event) {
  const box = svg.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
}

function isNear(event, [x, y]) {
  const box = svg.getBoundingClientRect();
  return Math.hypot(event.clientX - box.left - x * box.width, event.clientY - box.top - y * box.height) < REACH_PX;
}

function close() {
  const id = finish();
  document.querySelector(`.shape[data-id="${id}"] .shape__name:not([hidden])`)?.select();
}

function press(event) {
  if (event.button !== 0 || held) return;
  const at = event.target.closest("[data-at]")?.dataset.at;
  const half = event.target.closest("[data-half]")?.dataset.half;
  if (state.draft) {
    const { kind, points } = state.draft;
    event.preventDefault();
    if (points.length >= CORNERS[kind] && (isNear(event, points[0]) || points.length >= MOST)) return close();
    held = { points, index: points.push(pointOf(event)) - 1 };
  } else if (at || half) {
    const { points } = shapeOf(state.picked);
    remember();
    state.corner = at ? Number(at.split(":")[1]) : Number(half) + 1;
    if (half) points.splice(state.corner, 0, pointOf(event));
    held = { points, index: state.corner };
  } else return pick(Number(event.target.closest("[data-shape]")?.dataset.shape) || null);
  event.preventDefault();
  svg.setPointerCapture(event.pointerId);
  show();
}

function release() {
  if (!held) return;
  held = null;
  if (state.draft && isLine(state.draft.kind) && state.draft.points.length === 2) close();
  else show();
}

function key(event) {
  const at = event.target.closest("[data-at]")?.dataset.at;
  const way = WAYS[event.key];
  if (!at || !(way || ["Delete", "Backspace"].includes(event.key))) return;
  event.preventDefault();
  const [shape, index] = [shapeOf(state.picked), Number(at.split(":")[1])];
  const step = event.shiftKey ? 0.05 : 0.005;
  if (!way) return dropCorner(shape, index);
  change(() => (shape.points[index] = shape.points[index].map((value, axis) => clamp(value + way[axis] * step))));
}

svg.addEventListener("pointerdown", press);
svg.addEventListener("pointermove", (event) => {
  if (!held) return;
  held.points[held.index] = pointOf(event);
  show();
});
svg.addEventListener("pointerup", release);
svg.addEventListener("pointercancel", release);
svg.addEventListener("keydown", key);
svg.addEventListener("focusin", (event) => {
  const [id, corner] = (event.target.closest("[data-at]")?.dataset.at ?? "").split(":").map(Number);
  if (id && corner !== state.corner) pick(id, corner);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.draft) stop();
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && event.target.tagName !== "INPUT") undo();
});

// ---------------------------------------------------------------- the device

const areas = () => `/api/config/areas/${encodeURIComponent(camera)}`;

async function read() {
  const { ok, said } = await ask(areas());
  if (!ok) return complain(said.error);
  $("tools").replaceChildren(...said.kinds.map(tool));
  complain(said.unwritable ? `Nothing can be stored: ${said.unwritable}.` : "");
  load(said);
}

function tool(kind) {
  const button = make("button", { type: "button", className: "button tool", textContent: NAMES[kind] });
  button.setAttribute("aria-label", `New ${NAMES[kind].toLowerCase()}`);
  button.prepend(draw("svg", { class: "icon", "aria-hidden": "true" }, draw("use", { href: `#i-${ICONS[kind]}` })));
  button.addEventListener("click", () => {
    begin(kind);
    $("done").focus({ preventScroll: true });
  });
  return button;
}

async function save() {
  $("save").disabled = true;
  tell("Storing…", "wait");
  complain("");
  const { ok, said } = await ask(areas(), { version: state.file.version, ...wanted() }, "PUT");
  if (ok) {
    await read();
    return follow(said.version);
  }
  tell("Not stored.", "bad");
  for (const { key: where, message, help } of said.findings ?? []) {
    const [, kind, number] = /^camera\[\d+\]\.(\w+)\[(\d+)\]/.exec(where) ?? [];
    const shape = kind && sorted(kind)[number];
    if (shape) state.faults.set(shape.id, [message, help].filter(Boolean).join(": "));
  }
  complain(said.error, said.changed);
  refused = state.faults.size > 0;
  show();
}

/** The picture as it is now, drawn below the shapes. */
async function snap(asked) {
  const answer = await fetch(`/live/${encodeURIComponent(asked)}.jpg`, { signal: AbortSignal.timeout(8000) });
  if (answer.status === 401) location.assign("/login");
  if (!answer.ok) throw new Error("no picture");
  const picture = await createImageBitmap(await answer.blob());
  const canvas = $("picture");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const box = `0 0 1000 ${Math.round((1000 * picture.height) / picture.width)}`;
  picture.close();
  if (svg.getAttribute("viewBox") !== box) {
    svg.setAttribute("viewBox", box);
    show();
  }
}

/** Single pictures again and again: a stream would end with each reload. */
async function look() {
  for (let shown = ""; ; await sleep(EVERY_MS)) {
    if (document.hidden) continue;
    const asked = camera;
    try {
      await snap(asked);
      [$("away").hidden, shown] = [true, asked];
    } catch {
      $("away").hidden = false;
      fill($("away"), shown === asked ? "The picture stands still" : "No picture from this camera now. You can draw all the same.");
      await sleep(2000);
    }
  }
}

async function start() {
  const { ok, said } = await ask("/api/status");
  if (!ok) return complain(said.error);
  const names = said.cameras.map(({ name }) => name);
  $("camera").replaceChildren(...names.map((name) => make("option", { value: name, textContent: title(name) })));
  const asked = new URLSearchParams(location.search).get("camera");
  camera = names.includes(asked) ? asked : (names[0] ?? "");
  $("camera").value = camera;
  if (!camera) return complain("There is no camera yet: add one in the settings.");
  await read();
  look();
}

$("camera").addEventListener("change", () => {
  if (isDirty() && !confirm("What you drew is not stored. Leave it?")) return ($("camera").value = camera);
  camera = $("camera").value;
  tell("");
  history.replaceState(null, "", `?camera=${camera}`);
  read();
});
$("undo").addEventListener("click", undo);
$("done").addEventListener("click", close);
$("cancel").addEventListener("click", stop);
$("save").addEventListener("click", save);
addEventListener("beforeunload", (event) => isDirty() && event.preventDefault());
onChange(() => {
  if (refused && !state.faults.size) {
    refused = false;
    complain("");
    tell("");
  }
  show();
});
new ResizeObserver(show).observe(svg);
start();
watchAlarm();
