// Why an event was told: the rules in plain sentences, the scores over time, where the object went, who was told.

import { draw, make } from "./dom.js";
import { exactTime, nameOf, number, percent, words } from "./words.js";

const CHART = { width: 320, height: 96, left: 30, right: 8, top: 10, bottom: 18 };
const BOXES = 6; // more of them hide the picture
const ARMED = { disarmed: "disarmed", armed_home: "armed (home)", armed_away: "armed (away)", armed_night: "armed (night)" };

const SENTENCES = {
  confirmed: (rule, label) => `It was seen often enough to be taken for ${article(label)}`,
  zone: ({ name }) => `It entered the zone ${words(name)}`,
  line: ({ name, direction }) => `It crossed the line ${words(name)}${direction ? ` (${direction})` : ""}`,
  loitering: ({ name }) => `It stayed in the zone ${words(name)} for long`,
  motion: () => "Something moved",
  stationary: () => "It stood still",
  active: () => "It began to move again",
  fall: () => "A person fell and stayed down",
  lying: () => "A person lay for long where nobody rests",
  hands_up: () => "A person held both hands up",
  waving: () => "A person waved for help",
  running: () => "A person ran",
  crowding: () => "Many people stood together",
};

const article = (label) => `${/^[aeiou]/i.test(label) ? "an" : "a"} ${words(label)}`;

/** "It entered the zone path, at 22:14:03." */
function sentence(rule, label) {
  const text = SENTENCES[rule.rule]?.(rule, label) ?? `Rule ${words(rule.rule)}${rule.name ? `: ${words(rule.name)}` : ""}`;
  return `${text}${typeof rule.time === "number" ? `, at ${exactTime(rule.time)}` : ""}.`;
}

/** Everything below the heading of the dialog; `rows` are all messages of one object, oldest first. */
export function whyParts(rows) {
  const newest = rows.at(-1);
  const { after } = newest;
  const why = rows.findLast((row) => row.why)?.why ?? {};
  const rules = why.rules ?? [];
  const parts = [];
  if (rules.length) parts.push(make("ul", { className: "why__rules" }, ...rules.map((rule) => make("li", { textContent: sentence(rule, after.label) }))));
  if ((why.seen ?? []).length > 1) parts.push(chart(why.seen, rules));
  parts.push(factTable(rows, newest));
  return parts;
}

function chart(seen, rules) {
  const { width, height, left, right, top, bottom } = CHART;
  const [first, final] = [seen[0][0], seen.at(-1)[0]];
  const x = (time) => left + ((width - left - right) * (time - first)) / Math.max(final - first, 0.001);
  const y = (score) => top + (height - top - bottom) * (1 - score);
  const scores = seen.map(([, score]) => score);
  const told = `Scores of ${seen.length} sightings, from ${percent(Math.min(...scores))} to ${percent(Math.max(...scores))} in ${number(final - first, 1)} seconds`;
  const node = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": told });
  for (const level of [0, 0.5, 1]) {
    node.append(
      draw("line", { x1: left, x2: width - right, y1: y(level), y2: y(level), class: "chart__grid" }),
      draw("text", { x: left - 5, y: y(level) + 3.5, class: "chart__text", "text-anchor": "end" }, String(level * 100)),
    );
  }
  for (const { time } of rules) {
    if (time >= first && time <= final) node.append(draw("line", { x1: x(time), x2: x(time), y1: top, y2: height - bottom, class: "chart__rule" }));
  }
  node.append(
    draw("polyline", { points: seen.map(([time, score]) => `${x(time)},${y(score)}`).join(" "), class: "chart__line" }),
    ...seen.map(([time, score]) => draw("circle", { cx: x(time), cy: y(score), r: 2.6, class: "chart__dot" })),
    draw("text", { x: left, y: height - 4, class: "chart__text" }, exactTime(first)),
    draw("text", { x: width - right, y: height - 4, class: "chart__text", "text-anchor": "end" }, exactTime(final)),
  );
  return make("figure", { className: "why__chart" }, make("figcaption", { textContent: "How sure it was, in percent" }), node);
}

function factTable(rows, newest) {
  const model = rows.findLast((row) => row.model)?.model;
  const facts = [
    ["Model", model && `${model.name} on ${model.engine}${model.infer_ms == null ? "" : `, ${number(model.infer_ms, 1)} ms a picture`}`],
    ["Alarm", ARMED[rows[0].armed] ?? words(rows[0].armed ?? "unknown")],
    ["Messages", deliveries(rows)],
    ["Notification", newest.notify === false || rows.some((row) => row.notify === false) ? "none: notifications of this camera were off" : null],
    ["Event", newest.after.id],
  ];
  const pairs = facts.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]);
  return make("dl", { className: "why__facts" }, ...pairs);
}

const SENT = { pending: "waiting", parked: "refused", replaced: "told together" };

/** "MQTT: 3 delivered · Mail: 1 waiting". What a sink's rules pass over counts only where they pass over all of it. */
function deliveries(rows) {
  const sinks = new Map();
  for (const row of rows) {
    for (const [sink, state] of Object.entries(row.sinks ?? {})) {
      const found = sinks.get(sink) ?? sinks.set(sink, new Map()).get(sink);
      if (state === "passed") continue;
      const told = SENT[state] ?? words(state);
      found.set(told, (found.get(told) ?? 0) + 1);
    }
  }
  const reason = rows.findLast((row) => row.reason)?.reason;
  const said = [...sinks].map(([sink, states]) => `${nameOf(sink)}: ${[...states].map(([state, many]) => `${many} ${state}`).join(", ") || "none wanted"}`);
  return said.length ? [...said, reason].filter(Boolean).join(" · ") : "kept here only";
}

/** The way of an object and its boxes, as an SVG over its picture; null without any. */
export function overlay(rows) {
  const { after } = rows.at(-1);
  const [width, height] = after.frame_size ?? [0, 0];
  const path = after.path_data ?? [];
  const seen = rows.findLast((row) => row.why)?.why?.seen ?? [];
  if (!width || (!path.length && !seen.length)) return null;
  const node = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "way", "aria-hidden": "true", preserveAspectRatio: "none" });
  const every = Math.ceil(seen.length / BOXES);
  for (const [, , [x1, y1, x2, y2]] of seen.filter((_, index) => index % every === 0)) node.append(draw("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, class: "way__box" }));
  const points = path.map(([[x, y]]) => `${x * width},${y * height}`);
  if (points.length > 1) node.append(draw("polyline", { points: points.join(" "), class: "way__line" }));
  const end = path.at(-1)?.[0];
  if (end) node.append(draw("circle", { cx: end[0] * width, cy: end[1] * height, r: Math.max(width, height) / 110, class: "way__end" }));
  return node;
}
