// What the pages that change the configuration share: asking, and following a reload until it took or did not.

export const $ = (id) => document.getElementById(id);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const words = (name) => String(name).replaceAll("_", " ");
export const title = (name) => words(name).replace(/^./, (first) => first.toUpperCase());

const csrf = document.querySelector("meta[name=csrf]").content;
const FOLLOWED_MS = 90000; // a model on a slow card is loaded by then
const LOST = "That did not reach the device. Nothing was changed.";

export function fill(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function element(name, more = {}, ...children) {
  const node = Object.assign(document.createElement(name), more);
  node.append(...children);
  return node;
}

/** Ask the device, and for the password where the device wants it again first. */
export async function ask(path, method = "GET", body = undefined) {
  for (;;) {
    const answer = await askOnce(path, method, body);
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
      const { ok, said } = await askOnce("/api/config/unlock", "POST", { password: field.value });
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

/** One request: {ok, status, said}; `said` is its JSON, or {error} in words. A session that ended leads to the login. */
async function askOnce(path, method, body) {
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "X-CSRF-Token": csrf };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(20000) });
    if (answer.status === 401) location.assign("/login");
    const text = await answer.text();
    let said = { error: text.trim() };
    try {
      said = JSON.parse(text);
    } catch {
      // the guard speaks in plain lines
    }
    return { ok: answer.ok, status: answer.status, said };
  } catch {
    return { ok: false, status: 0, said: { error: LOST } };
  }
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
    const button = element("button", { type: "button", className: "button button--small", textContent: "Load again" });
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
