// A person's joints of an event: how they held themselves over time, and a stick figure that plays it again.

import { $, ask, draw, fill, icon, make } from "./dom.js";
import { exactTime, span, title } from "./words.js";

const LIMBS = [
  ["left", 15, 13], ["left", 13, 11], ["left", 11, 5], ["left", 5, 7], ["left", 7, 9],
  ["right", 16, 14], ["right", 14, 12], ["right", 12, 6], ["right", 6, 8], ["right", 8, 10],
  ["across", 5, 6], ["across", 11, 12],
]; // pairs of COCO's joints
const FACE = [0, 1, 2, 3, 4];
const SEEN = 0.2; // a joint of a lower score lies anywhere
const BEFORE_S = 3; // what led to a fall is shown with it
const GAP_S = 2; // a longer time without joints is passed over
const SHORT_S = 0.5; // a posture that lasts for less stands in the bar alone
const MOST_STRETCHES = 24;
const ACTIVITIES = { fall: "Fall", lying: "Lying for long", hands_up: "Hands up", waving: "Waving", running: "Running", crowding: "Crowd" };

let known = ""; // what is shown, or asked for
let record = null; // as `/api/events/ID/pose.json` has it
let at = 0; // index of the frame that is shown
let playing = null; // {from, began}: times of the record and of the screen

/** Show the joints of an event as far as they are kept; `row` is its newest message. */
export async function showPose(row) {
  const { after } = row;
  const wanted = `${after.id} ${after.end_time ?? row.uid}`;
  if (wanted === known) return;
  const again = known.startsWith(`${after.id} `) && record;
  known = wanted;
  if (!again) hide();
  if (!row.pose && !after.pose) return;
  const { ok, said } = await ask(`/api/events/${encodeURIComponent(after.id)}/pose.json`);
  if (wanted !== known || !ok || !said.frames.length) return;
  const time = again ? record.frames[at].time : opening(said);
  record = said;
  $("pose").hidden = false;
  drawBar();
  drawStage();
  $("pose-time").max = record.frames.length - 1;
  goTo(time);
}

/** Nothing is shown any more. */
export function leavePose() {
  known = "";
  hide();
}

function hide() {
  pause();
  record = null;
  $("pose").hidden = true;
}

const fallsOf = ({ activities }) => activities.filter(({ kind, confirmed_at: confirmed }) => kind === "fall" && confirmed !== null);

/** Where a record is opened: some seconds before its first fall. */
const opening = (said) => (fallsOf(said)[0]?.since ?? -Infinity) - BEFORE_S;

// ---------------------------------------------------------------- the bar and what it says

function drawBar() {
  const { postures, activities, frames } = record;
  const first = postures[0].from;
  const whole = Math.max(postures.at(-1).to - first, 0.001);
  const x = (time) => ((time - first) / whole) * 1000;
  const stretches = postures.map(({ posture, from, to }) => {
    const told = `${title(posture)}, ${exactTime(from)}, ${span(to - from)}`;
    return draw("rect", { x: x(from), width: Math.max(x(to) - x(from), 2), height: 10, class: `posture posture--${posture}` }, draw("title", {}, told));
  });
  const falls = fallsOf(record).map(({ since }) => draw("rect", { x: Math.max(x(since) - 2, 0), width: 4, height: 10, class: "posture__fall" }));
  $("pose-bar").replaceChildren(draw("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" }, ...stretches, ...falls));
  const said = activities.filter(({ confirmed_at: confirmed }) => confirmed !== null).map((one) => toldRow(one.since, ACTIVITIES[one.kind] ?? title(one.kind), one.to - one.since, one.kind === "fall" ? "fallen" : "unknown", true));
  const long = postures.filter(({ from, to }) => to - from >= Math.max(SHORT_S, whole / 200));
  const rows = long.slice(0, MOST_STRETCHES).map(({ posture, from, to }) => toldRow(from, title(posture), to - from, posture));
  $("pose-list").replaceChildren(...said, ...rows);
  $("pose-csv").href = `/api/events/${encodeURIComponent(known.split(" ")[0])}/pose.csv`;
  $("pose-csv").hidden = !frames.length;
}

/** One line of the list; a tap on it goes there. */
function toldRow(time, what, seconds, posture, loud = false) {
  const dot = make("span", { className: `posture-dot posture-dot--${posture}` });
  const button = make("button", { type: "button" }, dot, make("b", { textContent: what }), make("span", { textContent: `${exactTime(time)} · ${span(Math.max(seconds, 1))}` }));
  button.addEventListener("click", () => {
    pause();
    goTo(time);
  });
  return make("li", { className: loud && posture === "fallen" ? "pose__row pose__row--fall" : "pose__row" }, button);
}

// ---------------------------------------------------------------- the stick figure

const isSeen = (joint) => joint[2] >= SEEN && joint[0] !== null;

/** The part of the picture in which the person was, and the lines of the figure. */
function drawStage() {
  const aspect = record.aspect ?? 16 / 9;
  const joints = record.frames.flatMap(({ keypoints }) => keypoints.filter(isSeen));
  const along = (axis, scale) => {
    const places = joints.map((joint) => joint[axis] * scale);
    const [least, most] = places.reduce(([a, b], place) => [Math.min(a, place), Math.max(b, place)], [Infinity, -Infinity]);
    return joints.length ? [least, most] : [0, scale];
  };
  const [x1, x2] = along(0, aspect * 1000);
  const [y1, y2] = along(1, 1000);
  const rim = 0.12 * Math.max(x2 - x1, y2 - y1, 50);
  const lines = LIMBS.map(([side]) => draw("line", { class: `limb limb--${side}` }));
  const frame = draw("rect", { width: aspect * 1000, height: 1000, class: "stage__frame" });
  const stage = $("pose-stage");
  stage.setAttribute("viewBox", [x1 - rim, y1 - rim, x2 - x1 + 2 * rim, y2 - y1 + 2 * rim].join(" "));
  stage.replaceChildren(frame, ...lines, draw("circle", { class: "limb limb--across" }));
}

function goTo(time) {
  const { frames } = record;
  const later = frames.findIndex((frame) => frame.time >= time);
  show(later < 0 ? frames.length - 1 : later);
}

function show(index) {
  at = index;
  const { time, keypoints } = record.frames[at];
  const place = ([x, y]) => [x * (record.aspect ?? 16 / 9) * 1000, y * 1000];
  const lines = $("pose-stage").querySelectorAll("line");
  LIMBS.forEach(([, from, to], number) => {
    const drawn = isSeen(keypoints[from]) && isSeen(keypoints[to]);
    lines[number].classList.toggle("limb--gone", !drawn);
    if (drawn) set(lines[number], [...place(keypoints[from]), ...place(keypoints[to])], ["x1", "y1", "x2", "y2"]);
  });
  showHead(keypoints, place);
  const posture = record.postures.findLast(({ from }) => from <= time + 0.001)?.posture ?? "unknown";
  $("pose-stage").setAttribute("aria-label", `Stick figure, ${title(posture)}`);
  $("pose-time").value = at;
  $("pose-time").setAttribute("aria-valuetext", `${title(posture)}, ${exactTime(time)}`);
  fill($("pose-now"), `${title(posture)} · ${exactTime(time)}`);
  $("pose-now").dataset.posture = posture;
}

/** A head where the face is, about as large as the shoulders want it. */
function showHead(keypoints, place) {
  const head = $("pose-stage").querySelector("circle");
  const face = FACE.map((joint) => keypoints[joint]).filter(isSeen).map(place);
  head.classList.toggle("limb--gone", !face.length);
  if (!face.length) return;
  const [cx, cy] = [0, 1].map((axis) => face.reduce((sum, point) => sum + point[axis], 0) / face.length);
  const [left, right, hip] = [5, 6, 11].map((joint) => place(keypoints[joint]));
  const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  const size = Math.max(far(left, right) * 0.3, far(left, hip) * 0.16, 4);
  set(head, [cx, cy, size], ["cx", "cy", "r"]);
}

function set(node, values, names) {
  names.forEach((name, number) => node.setAttribute(name, values[number].toFixed(1)));
}

// ---------------------------------------------------------------- playing

function play() {
  if (at === record.frames.length - 1) show(0);
  playing = { from: record.frames[at].time, began: performance.now() };
  tellPlaying();
  requestAnimationFrame(step);
}

function pause() {
  playing = null;
  tellPlaying();
}

function step(now) {
  if (!playing || !record) return;
  const { frames } = record;
  const time = playing.from + Math.max(0, now - playing.began) / 1000;
  let next = at;
  while (next < frames.length - 1 && frames[next + 1].time <= time) next += 1;
  if (next !== at) show(next);
  if (next === frames.length - 1) return pause();
  const gap = frames[next + 1].time - time;
  if (gap > GAP_S) playing.from += gap - SHORT_S;
  requestAnimationFrame(step);
}

function tellPlaying() {
  icon($("pose-play"), playing ? "pause" : "play");
  $("pose-play").setAttribute("aria-label", playing ? "Pause" : "Play");
}

export function startPose() {
  $("pose-play").addEventListener("click", () => (playing ? pause() : play()));
  $("pose-time").addEventListener("input", () => {
    pause();
    show(Number($("pose-time").value));
  });
}
