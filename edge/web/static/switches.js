// What one camera does at the moment: its runtime switches, as the device tells them.

import { ask, fill, make, say } from "./dom.js";
import { title, words } from "./words.js";

// `pose` is not among them: this release has no postures, so it can never be on.
const SWITCHES = {
  enabled: "Camera",
  detect: "Detect objects",
  motion: "Watch for motion",
  notifications: "Notifications",
  snapshots: "Snapshots",
};
const FOLLOWED_MS = 6000;
const OFF = { detect: "Detection off", notifications: "Notifications off", snapshots: "Snapshots off" };

/** What is off although it mostly is on, in words. */
export const switchedOff = ({ switches = {} }) => Object.keys(OFF).filter((name) => switches[name] === false).map((name) => OFF[name]);

export function showSwitches(menu, camera) {
  const known = Object.keys(SWITCHES).filter((name) => typeof camera.switches?.[name] === "boolean");
  menu.hidden = !known.length;
  const list = menu.querySelector(".switches__list");
  if (list.dataset.names !== known.join()) {
    list.dataset.names = known.join();
    menu.querySelector("summary").setAttribute("aria-label", `Switches of ${words(camera.name)}`);
    list.replaceChildren(...known.map((name) => newSwitch(camera.name, name)));
  }
  for (const input of list.querySelectorAll("input")) {
    // The device tells what is, not what is to be: until a part has followed, the switch stays where it was put.
    const follows = camera.switches[input.name] !== input.checked && performance.now() < Number(input.dataset.until ?? 0);
    if (!input.disabled && !follows) input.checked = camera.switches[input.name];
  }
}

function newSwitch(camera, name) {
  const input = make("input", { type: "checkbox", name });
  const wrong = make("span", { className: "switch__wrong" });
  input.setAttribute("role", "switch");
  input.addEventListener("change", async () => {
    input.disabled = true; // and the status does not move it meanwhile
    const { ok, said } = await ask(`/api/cameras/${encodeURIComponent(camera)}/${name}`, { on: input.checked });
    if (!ok) input.checked = !input.checked;
    else {
      input.dataset.until = performance.now() + FOLLOWED_MS;
      say(`${title(camera)}: ${SWITCHES[name]} ${input.checked ? "on" : "off"}`);
    }
    fill(wrong, ok ? "" : (said?.error ?? "That did not reach the device."));
    input.disabled = false;
  });
  return make("li", {}, make("label", { className: "switch" }, make("span", { textContent: SWITCHES[name] }), input), wrong);
}
