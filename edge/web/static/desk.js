// What the pages that change the configuration share: asking, and following a reload until it took or did not.

import { $, fill, make, ask as once, sleep } from "./dom.js";
import { words } from "./words.js";

const FOLLOWED_MS = 90000; // a model on a slow card is loaded by then
const PATIENCE_MS = 20000; // a slow card takes its time to store the file
const GUARD_MS = 5000; // between two looks at the alarm
const LOST = "That did not reach the device. Nothing was changed.";
const MUTE = "The device gave no answer that can be read.";

/** Ask the device, and for the password where the device wants it again first. */
export async function ask(path, body, method) {
  for (;;) {
    const answer = await askOnce(path, body, method);
    if (answer.status !== 403 || !answer.said.locked || !(await unlock(answer.said.error))) return answer;
  }
}

/** True once the password was given, false if its owner thinks better of it. */
function unlock(why) {
  const dialog = $("unlock");
  const field = $("unlock-password");
  fill($("unlock-why"), why);
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => done(false);
    $("unlock-form").onsubmit = async (event) => {
      event.preventDefault();
      const { ok, said } = await askOnce("/api/config/unlock", { password: field.value });
      if (!ok) {
        fill($("unlock-why"), said.error);
        return field.select();
      }
      dialog.onclose = null;
      dialog.close();
      done(true);
    };
    $("unlock-cancel").onclick = () => dialog.close();
  });
}

/** One request: {ok, status, said}; `said` is its JSON, or {error} in words. */
async function askOnce(path, body, method) {
  const { ok, status, said } = await once(path, body, { method, patience: PATIENCE_MS });
  return { ok: ok && said !== null, status, said: said ?? { error: status ? MUTE : LOST } };
}

export function tell(text, tone = "") {
  fill($("said"), text);
  $("savebar").dataset.tone = tone;
}

/** Show what is wrong with the whole page; `again` offers to load it anew. */
export function complain(text, again = false) {
  const box = $("wrong");
  box.hidden = !text;
  box.replaceChildren(text);
  if (again) {
    const button = make("button", { type: "button", className: "button button--small", textContent: "Load again" });
    button.addEventListener("click", () => location.reload());
    box.append(" ", button);
  }
  if (text) box.scrollIntoView({ block: "nearest" });
}

/** Say what is wrong with a request to store. What the alarm refuses can be stored once it is disarmed: what was typed
 * and drawn stays, while a file that changed underneath has to be loaded again. */
export async function complainOf({ status, said }) {
  complain(said.error, status === 409 && !(await showGuard()));
}

/** Say whether the alarm, which has a code, keeps everything as it is; true if it does. */
async function showGuard() {
  const { ok, said } = await askOnce("/api/status");
  const guarded = ok && Boolean(said.alarm_detail?.code) && said.alarm !== "disarmed";
  fill($("guard"), guarded ? `The alarm is ${words(said.alarm)}: what you change here can be saved once it is disarmed.` : "");
  $("guard").hidden = !guarded;
  return guarded;
}

/** Keep the head of the page true from its opening on. */
export async function watchGuard() {
  for (;; await sleep(GUARD_MS)) if (!document.hidden) await showGuard();
}

/** Wait until the daemon runs the stored version, or says why it does not. True if it does. */
export async function follow(version) {
  tell("Stored. The daemon loads it…", "wait");
  for (const until = performance.now() + FOLLOWED_MS; performance.now() < until; await sleep(400)) {
    const { ok, said } = await ask("/api/config/loaded");
    if (!ok || said.pending) continue; // the page is away for a moment while the daemon starts anew
    if (said.version === version) {
      tell("Stored, and in use.", "good");
      return true;
    }
    if (said.fault) {
      tell("Stored, but not in use: the daemon goes on as it was.", "bad");
      complain(said.fault);
      return false;
    }
  }
  tell("Stored. The daemon has not said yet whether it took.", "bad");
  return false;
}
