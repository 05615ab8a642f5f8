// How what is drawn looks: on the picture, and as a list beside it.

import { $, draw, fill, stamp } from "./dom.js";
import { NAMES, change, drop, dropCorner, isDirty, isNamed, isSound, pick, shapeOf, sorted, state } from "./drawing.js";
import { CORNERS, MOST, arrows, flaw, isLine } from "./shapes.js";
import { words } from "./words.js";

export const REACH_PX = 24; // of a finger, around a corner
const HINTS = {
  zone: "Tap its corners one after the other.",
  line: "Tap its two ends.",
  motion_mask: "Tap the corners of what moves without meaning anything.",
  object_mask: "Tap the corners of what is taken for an object and is none.",
};
const HELP = "Drag a corner to move it, a small dot to add one. Keys: Tab, arrows, Delete.";

export const svg = $("drawing");

const size = () => [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height];
const unit = () => size()[0] / (svg.clientWidth || 1); // of the drawing, in one pixel of the screen
const place = ([x, y]) => [x * size()[0], y * size()[1]];
const trail = (points) => `M${points.map((point) => place(point).join(" ")).join("L")}`;
const called = ({ kind, name }) => (isNamed(kind) ? words(name) : NAMES[kind]);

export function show() {
  const focus = document.activeElement?.dataset?.at;
  const chosen = shapeOf(state.picked);
  const parts = state.shapes.filter((shape) => shape !== chosen).map(drawn);
  if (chosen) parts.push(drawn(chosen), ...handles(chosen));
  if (state.draft) parts.push(drawnDraft());
  svg.replaceChildren(...parts);
  if (focus) svg.querySelector(`[data-at="${focus}"]`)?.focus();
  svg.classList.toggle("drawing--on", Boolean(state.draft));
  showList();
  showTools();
}

function showTools() {
  const { draft } = state;
  $("undo").disabled = !state.past.length && !draft?.points.length;
  $("save").disabled = !isDirty() || !isSound() || Boolean(state.file.unwritable);
  $("tools").hidden = Boolean(draft);
  $("finish").hidden = !draft;
  fill($("hint"), draft ? HINTS[draft.kind] : shapeOf(state.picked) ? HELP : "");
  if (draft) fill($("done").querySelector("span"), draft.points.length >= CORNERS[draft.kind] ? "Done" : "Put it in the middle");
}

function drawn(shape) {
  const { id, kind, points, direction } = shape;
  const path = trail(points) + (isLine(kind) ? "" : "Z");
  const marks = [`area area--${kind}`, flaw(shape) && "area--wrong", id === state.picked && "area--picked"];
  const group = draw("g", { class: marks.filter(Boolean).join(" "), "data-shape": id });
  if (isLine(kind)) group.append(draw("path", { d: path, class: "area__reach" }));
  group.append(draw("path", { d: path, class: "area__body" }));
  if (isLine(kind)) {
    const [forward, back] = arrows(points.map(place), 9 * unit());
    const ways = { in: [forward], out: [back] }[direction] ?? [forward, back];
    group.append(draw("path", { d: ways.join(""), class: "area__arrow" }));
  }
  if (!isNamed(kind) && id !== state.picked) return group;
  const [x, y] = place(points.reduce((best, point) => (point[1] < best[1] ? point : best)));
  const anchor = x > size()[0] * 0.6 ? "end" : "start";
  const label = draw("text", { x, y: Math.max(y - 12 * unit(), 16 * unit()), "font-size": 14 * unit(), "text-anchor": anchor });
  label.textContent = called(shape);
  group.append(label);
  return group;
}

function dot(point, radius, more) {
  const [cx, cy] = place(point);
  const reach = draw("circle", { cx, cy, r: REACH_PX * unit() * 0.8, class: "reach" });
  return draw("g", more, reach, draw("circle", { cx, cy, r: radius * unit(), class: "dot" }));
}

function handles(shape) {
  const { id, kind, points } = shape;
  const edges = isLine(kind) || points.length >= MOST ? [] : points;
  const halves = edges.map(([x, y], i) => {
    const [x2, y2] = points[(i + 1) % points.length];
    return dot([(x + x2) / 2, (y + y2) / 2], 4.5, { class: "half", "data-half": i });
  });
  const corners = points.map((point, i) => {
    const name = `Corner ${i + 1} of ${called(shape)}`;
    const marks = `corner${i === state.corner ? " corner--picked" : ""}`;
    return dot(point, 8, { class: marks, "data-at": `${id}:${i}`, tabindex: 0, role: "button", "aria-label": name });
  });
  return [...halves, ...corners];
}

function drawnDraft() {
  const { kind, points } = state.draft;
  const group = draw("g", { class: `area area--${kind} area--picked` });
  if (points.length) group.append(draw("path", { d: trail(points), class: "area__body" }));
  for (const [cx, cy] of points.map(place)) group.append(draw("circle", { cx, cy, r: 7 * unit(), class: "dot" }));
  return group;
}

// ---------------------------------------------------------------- the list

function showList() {
  const rows = state.file.kinds.flatMap((kind) => sorted(kind)).map((shape) => {
    const row = document.querySelector(`.shape[data-id="${shape.id}"]`) ?? newRow(shape.id);
    showRow(row, shape);
    return row;
  });
  const list = $("shapes");
  if (rows.length !== list.children.length || rows.some((row, i) => row !== list.children[i])) list.replaceChildren(...rows);
  $("nothing").hidden = rows.length > 0;
}

function showRow(row, shape) {
  const { id, kind, name = "", direction, required, points } = shape;
  const part = (suffix) => row.querySelector(`.shape__${suffix}`);
  row.dataset.kind = kind;
  row.setAttribute("aria-current", String(id === state.picked));
  fill(part("kind"), NAMES[kind]);
  part("name").hidden = !isNamed(kind);
  part("name").setAttribute("aria-label", `Name of the ${kind}`);
  if (document.activeElement !== part("name")) part("name").value = name; // what is being typed is its owner's
  part("direction").hidden = !isLine(kind);
  part("direction").setAttribute("aria-label", `Direction of ${called(shape)}`);
  part("direction").value = direction;
  part("required").hidden = kind !== "zone" || !state.file.required_zones;
  part("required").querySelector("input").checked = required;
  part("less").hidden = id !== state.picked || points.length <= CORNERS[kind];
  part("gone").setAttribute("aria-label", `Delete ${called(shape)}`);
  fill(part("wrong"), flaw(shape) || state.faults.get(id) || "");
  part("wrong").hidden = !part("wrong").textContent;
}

function newRow(id) {
  const row = stamp("shape-template");
  row.dataset.id = id;
  const on = (part, kind, does) => row.querySelector(part).addEventListener(kind, does);
  on(".shape__pick", "click", () => pick(id));
  on(".shape__name", "change", (event) => change(() => (shapeOf(id).name = event.target.value.trim())));
  on(".shape__direction", "change", (event) => change(() => (shapeOf(id).direction = event.target.value)));
  on(".shape__required", "change", (event) => change(() => (shapeOf(id).required = event.target.checked)));
  on(".shape__less", "click", () => dropCorner(shapeOf(id), state.corner));
  on(".shape__gone", "click", () => drop(id));
  return row;
}
