// How the parts are, and what needs attention.

import { $, fill, make, stamp } from "./dom.js";
import { whatOf } from "./event.js";
import { bytes, count, nameOf, number, reasonOf, span, timeOf, title, told, tone, words } from "./words.js";

function row(name, state, facts, reason) {
  const item = stamp("row-template");
  item.dataset.tone = tone(state);
  fill(item.querySelector(".row__name"), name);
  fill(item.querySelector(".row__state"), told(state));
  fill(item.querySelector(".row__facts"), [reason, ...facts].filter(Boolean).join(" · "));
  return item;
}

export const tampered = (camera) => (camera.tamper && camera.tamper !== "none" ? whatOf({ label: "tamper", sub_label: camera.tamper }) : "");

function cameraFacts(camera) {
  const [width, height] = camera.size ?? [];
  return [
    tampered(camera),
    width ? `${width} × ${height}` : "",
    camera.fps == null ? "" : `${number(camera.fps, 1)} fps`,
    camera.inferences ? `${number(camera.inferences)} inferences` : "",
    camera.dropped ? `${number(camera.dropped)} dropped` : "",
    viewOf(camera.view),
  ];
}

/** Which view counts as right, where somebody or the time has made it that. */
function viewOf(view) {
  if (!view || view.since == null || view.by === "start") return "";
  const when = `${new Date(view.since * 1000).toLocaleDateString()}, ${timeOf(view.since)}`;
  return `view accepted ${when}${view.by === "time" ? ", since it had stayed" : ""}`;
}

function storageRows({ state = "ok", reason, used, free, clips, oldest }) {
  const kept = clips == null ? "" : count(clips, "clip");
  const since = typeof oldest === "number" && oldest > 0 ? `since ${new Date(oldest * 1000).toLocaleDateString()}, ${timeOf(oldest)}` : "";
  const room = free == null ? "" : `${bytes(free)} free`;
  return [row("Clips", state, [kept, used == null ? "" : bytes(used), room, since], reason)];
}

export function showHealth(news) {
  const box = news.outbox ?? {};
  const cameras = (news.cameras ?? []).map((camera) => row(title(camera.name), camera.status, cameraFacts(camera), reasonOf(camera)));
  const engines = (news.engines ?? []).map((engine) => row(engine.name, engine.state, [engine.model], engine.reason));
  const sinks = (news.sinks ?? []).map((sink) => row(nameOf(sink.name), sink.state, [sink.depth ? `${number(sink.depth)} waiting` : ""], sink.reason));
  if (!cameras.length) cameras.push(row("No camera", "none", ["add a [[camera]] to the configuration"]));
  if (!engines.length) engines.push(row("No engine", "none", ["only motion is watched: set model.name to detect people"]));
  if (!sinks.length) sinks.push(row("Kept here only", "none", ["add [mqtt] or [email] to be told"]));
  const backlog = box.depth ? `${number(box.depth)} waiting, the oldest for ${span(box.oldest_s ?? 0)}` : "nothing waiting";
  sinks.push(row("Outbox", box.dropped ? "dropped" : "ok", [backlog, box.dropped ? `${number(box.dropped)} dropped` : ""]));
  $("health-cameras").replaceChildren(...cameras);
  $("health-engines").replaceChildren(...engines);
  $("health-sinks").replaceChildren(...sinks);
  $("health-storage").replaceChildren(...(news.storage ? storageRows(news.storage) : []));
  $("storage-card").hidden = !news.storage;
  fill($("system"), `edge ${news.version} · up ${span(news.uptime_s ?? 0)}${news.ready ? "" : " · starting"}`);
  showProblems(news);
}

function showProblems(news) {
  const parts = [["Camera", "status", news.cameras], ["Engine", "state", news.engines], ["", "state", news.sinks]];
  if (news.storage) parts.push(["", "state", [{ name: "storage", ...news.storage }]]);
  const found = parts.flatMap(([kind, key, list]) =>
    (list ?? [])
      .filter((part) => part[key] && ["bad", "warn"].includes(tone(part[key])))
      .map((part) => `${kind} ${kind ? words(part.name) : nameOf(part.name)} is ${told(part[key])}${part.reason ? `: ${reasonOf(part)}` : ""}`.trim()),
  );
  for (const camera of news.cameras ?? []) if (tampered(camera) && camera.tamper !== "lost") found.push(`${title(camera.name)}: ${tampered(camera).toLowerCase()}`);
  if (news.alarm_detail?.schedule_waits) found.unshift("The schedule waits: the clock is not set");
  if (news.alarm_detail?.fault) found.unshift(`Alarm: ${news.alarm_detail.fault}`);
  const list = $("problems");
  if (list.dataset.said === found.join("\n")) return;
  list.dataset.said = found.join("\n");
  list.replaceChildren(...found.map((text) => make("li", { textContent: title(text) })));
  list.hidden = !found.length;
}
