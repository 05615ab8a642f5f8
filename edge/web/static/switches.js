// What one camera does at the moment: its runtime switches, as the device tells them.

import { guarded } from "./alarm.js";
import { ask, fill, make, say } from "./dom.js";
import { ordered } from "./keypad.js";
import { title, words } from "./words.js";

const SWITCHES = {
  enabled: "Camera",
  detect: "Detect objects",
  motion: "Watch for motion",
  pose: "Look for postures",
  notifications: "Notifications",
  snapshots: "Snapshots",
};
// Without these the alarm sees less, or tells nobody.
const GUARDED = ["enabled", "detect", "motion", "notifications"];
// Without a pose model there is nothing to switch.
const shows = (camera, name) => typeof camera.switches?.[name] === "boolean" && (name !== "pose" || camera.pose);
const NEVER = { detect: "Looks for motion alone." };
const FOLLOWED_MS = 6000;
const OFF = { detect: "Detection off", notifications: "Notifications off", snapshots: "Snapshots off" };

/** What is off although it mostly is on, in words. Of a camera without pictures only that nobody hears of it: the rest goes without saying. */
export function switchedOff({ status, switches = {}, stay_off: fixed = [] }) {
  const off = Object.keys(OFF).filter((name) => switches[name] === false && !fixed.includes(name));
  return off.filter((name) => status !== "offline" || name === "notifications").map((name) => OFF[name]);
}

export function showSwitches(menu, camera) {
  const known = Object.keys(SWITCHES).filter((name) => shows(camera, name));
  const fixed = camera.stay_off ?? [];
  menu.hidden = !known.length;
  const list = menu.querySelector(".switches__list");
  const shown = known.map((name) => (fixed.includes(name) ? `${name}!` : name)).join();
  if (list.dataset.names !== shown) {
    list.dataset.names = shown;
    menu.querySelector("summary").setAttribute("aria-label", `Switches of ${words(camera.name)}`);
    list.replaceChildren(...known.map((name) => newSwitch(camera.name, name, fixed.includes(name))));
  }
  for (const input of list.querySelectorAll("input")) {
    // The device tells what is, not what is to be: until a part has followed, the switch stays where it was put.
    const follows = camera.switches[input.name] !== input.checked && performance.now() < Number(input.dataset.until ?? 0);
    if (!input.disabled && !follows) input.checked = camera.switches[input.name];
  }
}

function newSwitch(camera, name, fixed) {
  const input = make("input", { type: "checkbox", name, disabled: fixed });
  const note = make("span", { className: fixed ? "switch__note" : "switch__wrong", textContent: fixed ? (NEVER[name] ?? "Cannot be switched on.") : "" });
  note.id = `switch-${camera}-${name}`;
  input.setAttribute("role", "switch");
  input.setAttribute("aria-describedby", note.id);
  input.addEventListener("change", () => turn(camera, name, input, note));
  const label = make("label", { className: `switch${fixed ? " switch--fixed" : ""}` }, make("span", { textContent: SWITCHES[name] }), input);
  return make("li", {}, label, note);
}

async function turn(camera, name, input, wrong) {
  const on = input.checked;
  input.disabled = true; // and the status does not move it meanwhile
  fill(wrong, "");
  const send = (code) => ask(`/api/cameras/${encodeURIComponent(camera)}/${name}`, { on, code });
  const keypad = { title: `Code to switch off: ${title(camera)}, ${SWITCHES[name]}`, verb: "Switch off" };
  const answer = await ordered(send, { ...keypad, known: !on && GUARDED.includes(name) && guarded() });
  if (answer?.ok) {
    input.dataset.until = performance.now() + FOLLOWED_MS;
    say(`${title(camera)}: ${SWITCHES[name]} ${on ? "on" : "off"}`);
  } else input.checked = !on;
  if (answer && !answer.ok) fill(wrong, answer.said?.error ?? "That did not reach the device.");
  input.disabled = false;
}
