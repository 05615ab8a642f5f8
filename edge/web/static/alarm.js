// The alarm: what it does now, the four modes, panic, and who did what.

import { $, ask, closesBeside, fill, icon, make, say } from "./dom.js";
import { ordered } from "./keypad.js";
import { countdown, exactTime, fullTime, timeOf, title, words } from "./words.js";

const ALARM = {
  disarmed: ["Disarmed", "Events are kept, no alerts are sent, but of a fall.", "disarmed"],
  arming: ["Arming…", "Armed when the time is up.", "clock"],
  armed_home: ["Armed · home", "Somebody is in. Alerts are sent.", "home"],
  armed_away: ["Armed · away", "Nobody is in. Alerts are sent.", "away"],
  armed_night: ["Armed · night", "Everybody sleeps. Alerts are sent.", "night"],
  pending: ["Somebody is there", "Disarm, or the alarm goes off.", "clock"],
  triggered: ["Alarm!", "Something was seen while the house was armed.", "alert"],
};
const LEAVING = "Leave now."; // for `away` alone: at home and at night nobody goes
const HOLD_MS = 2000; // panic is meant, never an accident
const HINT_MS = 5000;

let state = "disarmed";
let detail = null; // `alarm_detail` of the status; null from a device that has none
let ends = 0; // of the delay that runs, by performance.now(); 0 for none
let tellStatus = () => {};

export function showAlarm(now, more = null) {
  const [name, hint, symbol] = ALARM[now] ?? [title(now), "", "alert"];
  const panel = $("alarm");
  state = now;
  detail = more;
  ends = more?.until_s == null ? 0 : performance.now() + more.until_s * 1000;
  panel.dataset.state = now;
  fill($("alarm-state"), name);
  fill($("alarm-hint"), hintOf(hint));
  icon(panel.querySelector(".alarm__badge"), symbol);
  const mode = now === "disarmed" ? now : (more?.mode ?? now.replace("armed_", ""));
  for (const button of panel.querySelectorAll(".mode")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  $("alarm-more").hidden = !more;
  $("alarm-now").hidden = now !== "arming";
  const blind = now === "disarmed" ? [] : (more?.blind ?? []);
  fill($("alarm-blind"), blind.length ? `Armed, but ${blind.map((each) => `${words(each.camera)} is ${each.why}`).join(", ")}.` : "");
  $("alarm-blind").hidden = !blind.length;
  fill($("alarm-next"), more?.next ? `Next: ${words(more.next.do)} at ${soon(more.next.at)}` : "");
  tick();
  panel.parentElement.style.setProperty("--alarm-height", `${panel.offsetHeight}px`);
}

/** What set it off, or who armed it and when, where the device tells; and what the state means. */
function hintOf(meaning) {
  if (state === "pending" && detail?.cause) return `${title(detail.cause)}. Disarm, or the alarm goes off.`;
  if (state === "arming" && detail?.mode === "away") return LEAVING;
  if (state === "triggered" && detail?.cause) return `${title(detail.cause)}.`;
  if (!detail?.by || !state.startsWith("armed_")) return meaning;
  return `${meaning} Set ${typeof detail.since === "number" ? `at ${soon(detail.since)} ` : ""}by ${placeOf(detail.by)}.`;
}

/** A time of today without its day. */
function soon(at) {
  const date = new Date(at * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return today ? timeOf(at) : `${date.toLocaleDateString(undefined, { weekday: "short" })} ${timeOf(at)}`;
}

/** The running delay. */
export function tick() {
  const left = ends ? (ends - performance.now()) / 1000 : null;
  const shown = left !== null && (state === "arming" || state === "pending");
  $("alarm-count").hidden = !shown;
  if (shown) fill($("alarm-count"), countdown(left));
}

/** Whether the alarm is on and has a code: what would blind it then wants that code. */
export const guarded = () => Boolean(detail?.code) && state !== "disarmed";

const wantsCode = (mode) => (mode === "disarmed" ? guarded() : mode !== "panic" && Boolean(detail?.code && detail.code_to_arm));

async function setAlarm(mode, { now = false } = {}) {
  const panel = $("alarm");
  const send = async (code) => {
    panel.setAttribute("aria-busy", "true");
    const answer = await ask("/api/alarm", { mode, code, ...(now ? { now } : {}) });
    panel.removeAttribute("aria-busy");
    return answer;
  };
  complain("");
  const verb = mode === "disarmed" ? "disarm" : "arm";
  const answer = await ordered(send, { title: `Code to ${verb}`, verb: title(verb), known: wantsCode(mode) });
  if (answer?.ok) tellStatus(answer.said);
  else if (answer) complain(answer.said?.error ?? "That did not reach the device. The alarm is as it was.");
}

function complain(text) {
  fill($("alarm-wrong"), text);
  $("alarm-wrong").hidden = !text;
}

// ---------------------------------------------------------------- panic: held, by finger, mouse or key

let held = null;
let hinted = null;

function hold() {
  if (held) return;
  clearTimeout(hinted);
  $("panic-how").classList.add("hidden-text");
  $("panic").dataset.held = "true";
  say("Keep holding for panic");
  held = setTimeout(() => {
    held = null;
    release();
    navigator.vibrate?.(400);
    setAlarm("panic");
  }, HOLD_MS);
}

/** Let go too early: how it is done stays to be read for a while. */
function release() {
  $("panic").dataset.held = "false";
  if (!held) return;
  clearTimeout(held);
  held = null;
  $("panic-how").classList.remove("hidden-text");
  say("Hold for two seconds for panic");
  hinted = setTimeout(() => $("panic-how").classList.add("hidden-text"), HINT_MS);
}

function listenForPanic() {
  const panic = $("panic");
  panic.addEventListener("pointerdown", (event) => event.button === 0 && hold());
  for (const kind of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"]) panic.addEventListener(kind, release);
  panic.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && hold());
  panic.addEventListener("contextmenu", (event) => event.preventDefault());
}

// ---------------------------------------------------------------- the log

async function openLog() {
  $("log-list").replaceChildren(make("li", { textContent: "Reading…" }));
  $("log").showModal();
  const { ok, said } = await ask("/api/alarm/log?limit=100");
  const rows = ok ? said.map(logRow) : [make("li", { textContent: said?.error ?? "That did not reach the device." })];
  $("log-list").replaceChildren(...(rows.length ? rows : [make("li", { textContent: "Nothing yet." })]));
}

/** Where an order came from, without what only the device's own log needs. */
const placeOf = (from) => String(from).replace(/ \(user \d+, process \d+\)/, "");

/** `porch/notifications off`, as the log has a switch, is `Porch: notifications off`. */
function deed(what) {
  const [, camera, name, now] = /^([^/ ]+)\/(\w+) (on|off)$/.exec(what) ?? [];
  if (!camera) return title(what);
  return `${title(camera)}: ${name === "enabled" ? "camera" : words(name)} ${now}`;
}

function logRow({ at, clock_ok: sure = true, what, by, from, result }) {
  const time = make("time", { textContent: `${dateOf(at)} ${exactTime(at)}${sure ? "" : " ?"}`, title: `${fullTime(at)}${sure ? "" : ", clock not set"}` });
  if (!sure) time.append(make("span", { className: "hidden-text", textContent: "clock not set" }));
  const who = [by, placeOf(from)].filter(Boolean).join(", ");
  const text = make("span", { className: "log__what", textContent: deed(what) });
  const row = make("li", { className: "log__row" }, time, text, make("span", { className: "log__who", textContent: who }));
  if (result && result !== "ok" && result !== "done") {
    row.append(make("span", { className: "log__result", textContent: words(result) }));
    row.dataset.bad = "true";
  }
  return row;
}

const dateOf = (at) => new Date(at * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short" });

// ---------------------------------------------------------------- start

/** Listen to the panel's buttons; `status(news)` takes what the device answers. */
export function startAlarm(status) {
  tellStatus = status;
  for (const button of document.querySelectorAll(".mode")) button.addEventListener("click", () => setAlarm(button.dataset.mode));
  $("alarm-now").addEventListener("click", () => detail?.mode && setAlarm(detail.mode, { now: true }));
  $("log-open").addEventListener("click", openLog);
  closesBeside($("log"));
  listenForPanic();
}
