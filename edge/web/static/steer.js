// The page of the car: what it sees, where it is about to go, and a hand on it.

import { $, ask, fill, sleep } from "./dom.js";

const ASK_MS = 200;
const KEPT = 100; // of these, 20 seconds
const HOLD_MS = 100; // the dead-man input forgets after 300
const SLOWEST_MS = 50;
const STATES = { disarmed: "Disarmed", armed: "Armed", engaged: "Engaged", fault: "Fault", away: "No steering runs" };
const kept = [];

/** The way ahead at a steering of -1 to 1, in the picture's 100 x 50: straight up, or bent to a side. */
export function arc(steering) {
  const bend = 40 * steering;
  return `M50 50 Q50 35 ${(50 + bend / 3).toFixed(1)} 28 T${(50 + bend).toFixed(1)} 20`;
}

/** A path through the values, the newest at the right; null is a gap. */
function line(values, height) {
  const step = 200 / (KEPT - 1);
  const begun = KEPT - values.length;
  const point = (value, i) => {
    if (value === null) return "";
    const pen = (values[i - 1] ?? null) === null ? "M" : "L";
    return `${pen}${((begun + i) * step).toFixed(1)} ${height(value).toFixed(1)}`;
  };
  return values.map(point).join("");
}

function show(status) {
  const state = status?.state ?? "away";
  $("state").dataset.state = state;
  fill($("state"), STATES[state]);
  fill($("reason"), status ? (status.trouble ?? status.reason) : "Start it with edge steer drive, or edge-steer.service.");
  $("arm").disabled = !status || state === "armed" || state === "engaged";
  $("engage").disabled = state !== "armed";
  $("disarm").disabled = !status || state === "disarmed";
  $("hold").disabled = !status;
  if (!status) letGo();
  $("arc").setAttribute("d", status ? arc(status.steering) : "");
  kept.push(status ?? { steering: null, throttle: null, latency_ms: null });
  kept.splice(0, kept.length - KEPT);
  const middle = (value) => 30 - 28 * value;
  $("steering").setAttribute("d", line(kept.map((one) => one.steering), middle));
  $("throttle").setAttribute("d", line(kept.map((one) => one.throttle), middle));
  const late = kept.map((one) => (one.latency_ms === null ? null : Math.min(one.latency_ms, SLOWEST_MS)));
  $("latency").setAttribute("d", line(late, (value) => 58 - (56 * value) / SLOWEST_MS));
  fill($("given"), status ? `${status.steering.toFixed(2)}, ${status.throttle.toFixed(2)}` : "–");
  fill($("late"), status?.latency_ms == null ? "–" : `${status.latency_ms} ms`);
}

async function order(name) {
  const answer = await ask(`/api/steer/${name}`, {}, { patience: 3000 });
  const wrong = answer.ok ? "" : (answer.said?.error ?? "The device does not answer.");
  fill($("wrong"), wrong);
  $("wrong").hidden = !wrong;
  if (answer.ok) show(answer.said);
  return answer.ok;
}

async function watch() {
  for (;;) {
    if (!document.hidden) {
      const answer = await ask("/api/steer", undefined, { patience: 3000 });
      show(answer.ok ? answer.said : null);
    }
    await sleep(ASK_MS);
  }
}

async function look() {
  const view = $("view");
  for (;;) {
    if (!document.hidden) {
      const next = new Image();
      next.src = `/steer/view.jpg?${Date.now()}`;
      const there = await next.decode().then(() => true, () => false);
      view.hidden = !there;
      if (there) {
        view.src = next.src;
        view.parentElement.style.setProperty("--shape", next.naturalWidth / next.naturalHeight);
      }
      else await sleep(1000);
    }
    await sleep(ASK_MS);
  }
}

for (const name of ["arm", "engage", "disarm", "estop"]) $(name).addEventListener("click", () => order(name));
// One word at a time: those that queue on a slow link would hold for somebody who has let go long ago.
let finger = 0;
const letGo = () => {
  finger += 1;
};
$("hold").addEventListener("pointerdown", async (event) => {
  if (event.button !== 0) return;
  letGo();
  const mine = finger;
  while (mine === finger && (await order("hold"))) await sleep(HOLD_MS);
});
for (const end of ["pointerup", "pointerleave", "pointercancel"]) $("hold").addEventListener(end, letGo);
$("hold").addEventListener("contextmenu", (event) => event.preventDefault()); // a long press would let go
// Where a button is disabled, or another window lies above it, no finger is seen to leave it.
for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, letGo);
document.addEventListener("visibilitychange", letGo);
watch();
look();
