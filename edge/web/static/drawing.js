// What is drawn on a picture, and every way to change it. A change keeps the way back and has all of it shown anew.

import { CORNERS, flaw, freeName, isLine, middle } from "./shapes.js";

export const NAMES = { zone: "Zone", line: "Line", motion_mask: "Motion mask", object_mask: "Object mask" };
export const isNamed = (kind) => kind === "zone" || kind === "line";

/** file: as the device gave it. shapes: [{id, kind, points, was, name, direction, required}]. picked: id of the shape
 *  whose corners show, corner: which of them. draft: {kind, points} while corners are being tapped. past: for undo.
 *  faults: what the device said of a shape, by its id. */
export const state = { file: { version: "", kinds: [] }, shapes: [], picked: null, corner: 0, draft: null, past: [], faults: new Map() };

let saved = "";
let serial = 0;
let show = () => {};

export const onChange = (listener) => (show = listener);
export const shapeOf = (id) => state.shapes.find((shape) => shape.id === id);
export const isDirty = () => saved !== JSON.stringify(wanted());
export const isSound = () => !state.draft && !state.shapes.some(flaw);

/** The shapes of a kind in the order that they have in the file, new ones last. */
export function sorted(kind) {
  return state.shapes.filter((shape) => shape.kind === kind).sort((a, b) => (a.was ?? 1e6 + a.id) - (b.was ?? 1e6 + b.id));
}

/** The shapes as the device takes them. */
export function wanted() {
  const told = {};
  for (const kind of state.file.kinds) {
    told[kind] = sorted(kind).map(({ points, was, name, direction }) => ({ points, was, ...(isNamed(kind) && { name }), ...(isLine(kind) && { direction }) }));
  }
  if (state.file.required_zones) told.required_zones = sorted("zone").filter((zone) => zone.required).map((zone) => zone.name);
  return told;
}

/** Begin with what the device has. */
export function load(file) {
  const shape = (kind, { points, was, name, direction }) => {
    return { id: ++serial, kind, points, was, name, direction: direction ?? "both", required: Boolean(file.required_zones?.includes(name)) };
  };
  Object.assign(state, { file, picked: null, draft: null, past: [], faults: new Map() });
  state.shapes = file.kinds.flatMap((kind) => file[kind].map((each) => shape(kind, each)));
  saved = JSON.stringify(wanted());
  show();
}

/** Keep what is there now for undo. */
export function remember() {
  state.past.push(JSON.stringify(state.shapes));
  state.faults.clear();
}

export function change(make) {
  remember();
  make();
  show();
}

export function undo() {
  if (state.draft?.points.length) state.draft.points.pop();
  else if (state.past.length) state.shapes = JSON.parse(state.past.pop());
  if (!shapeOf(state.picked)) state.picked = null;
  show();
}

export function pick(id, corner = 0) {
  Object.assign(state, { picked: id, corner });
  show();
}

export function begin(kind) {
  Object.assign(state, { draft: { kind, points: [] }, picked: null });
  show();
}

export function stop() {
  state.draft = null;
  show();
}

/** The draft becomes a shape; one without enough corners stands in the middle. Its id. */
export function finish() {
  const { kind, points } = state.draft;
  const taken = state.shapes.map((shape) => shape.name);
  const shape = { id: ++serial, kind, points: points.length >= CORNERS[kind] ? points : middle(kind), was: null, direction: "both", required: false };
  if (isNamed(kind)) shape.name = freeName(kind, taken);
  state.draft = null;
  change(() => state.shapes.push(shape));
  pick(shape.id);
  return shape.id;
}

export function drop(id) {
  change(() => (state.shapes = state.shapes.filter((shape) => shape.id !== id)));
}

export function dropCorner(shape, index) {
  if (shape.points.length <= CORNERS[shape.kind]) return;
  change(() => {
    shape.points.splice(index, 1);
    state.corner = Math.min(index, shape.points.length - 1);
  });
}
