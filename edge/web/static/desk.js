// What the pages that change the configuration share: asking, and following a reload until it took or did not.

import { $, fill, make, ask as once, sleep } from "./dom.js";
import { words } from "./words.js";

const FOLLOWED_MS = 90000; // a model on a slow card is loaded by then
const ALARM_MS = 2000;
const PATIENCE_MS = 20000; // a slow card takes its time to store the file
const LOST = "That did not reach the device. Nothing was changed.";
const MUTE = "The device gave no answer that can be read.";

/** Ask the device, and for the page's password or the alarm's code where the device wants it first. */
export async function ask(path, body, method) {
  for (let sent = body; ; ) {
    const answer = await askOnce(path, sent, method);
    if (answer.said.locked) {
      if ((await typed("unlock", answer.said.error, unlock)) === null) return answer;
    } else if (answer.said.code_wanted) {
      const code = await typed("vouch", answer.said.error);
      if (code === null) return answer;
      sent = { ...body, code };
    } else return answer;
  }
}

/** Why the device does not take this for the page's password, null if it does. */
async function unlock(password) {
  const { ok, said } = await askOnce("/api/config/unlock", { password });
  return ok ? null : said.error;
}

/** What is typed into a dialog, once `wrong` finds no fault with it; null if its owner thinks better of it. */
function typed(name, why, wrong = () => null) {
  const dialog = $(name);
  const field = $(`${name}-field`);
  fill($(`${name}-why`), why);
  field.value = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => done(null);
    $(`${name}-form`).onsubmit = async (event) => {
      event.preventDefault();
      const fault = await wrong(field.value);
      if (fault) {
        fill($(`${name}-why`), fault);
        return field.select();
      }
      dialog.onclose = null;
      dialog.close();
      done(field.value);
    };
    $(`${name}-cancel`).onclick = () => dialog.close();
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

/** Say, for as long as it is so, that the alarm is on and keeps what is drawn or typed from being stored. */
export async function watchAlarm() {
  for (; ; await sleep(ALARM_MS)) {
    if (document.hidden) continue;
    const { ok, said } = await askOnce("/api/status");
    if (!ok) continue; // it starts anew, and what was said stays
    const on = said.alarm !== "disarmed" && Boolean(said.alarm_detail?.code);
    fill($("alarm-on"), on ? `The alarm is ${words(said.alarm)}: disarm it before you save what you change here.` : "");
    $("alarm-on").hidden = !on;
  }
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
