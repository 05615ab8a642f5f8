// Small helpers for the document, and the one way by which the page changes something on the device.

export const $ = (id) => document.getElementById(id);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";

export function fill(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function stamp(template) {
  return $(template).content.firstElementChild.cloneNode(true);
}

export function icon(node, name) {
  node.querySelector("use").setAttribute("href", `#i-${name}`);
}

/** An element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** An SVG element with attributes and children. */
export function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Make `parent` hold just `nodes`, moving only what must move, so that focus and scrolling stay. */
export function arrange(parent, nodes) {
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
}

/** Say something to those who do not see the page. */
export function say(text) {
  fill($("said"), text);
}

/** Close a dialog by a tap beside it. */
export function closesBeside(dialog) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

/**
 * Ask the device, by GET or, given a body, by POST: `{ok, status, said, wait}`, never an exception.
 * `said` is the JSON of the answer, `{error}` where it is one plain line, null without either; `wait` the seconds of
 * its Retry-After; status 0: it was not reached.
 */
export async function ask(path, body, { method = "POST", headers = {}, patience = 10000 } = {}) {
  const change = {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, ...headers },
    body: JSON.stringify(body),
  };
  try {
    const answer = await fetch(path, { ...(body === undefined ? { headers } : change), signal: AbortSignal.timeout(patience) });
    if (answer.status === 401) location.assign("/login");
    const said = await heard(answer);
    return { ok: answer.ok, status: answer.status, said, wait: Number(answer.headers.get("retry-after") ?? 0) };
  } catch {
    return { ok: false, status: 0, said: null, wait: 0 };
  }
}

/** What an answer says. The guard, which stands before all else, speaks in plain lines. */
async function heard(answer) {
  const kind = answer.headers.get("content-type") ?? "";
  if (kind.startsWith("text/plain")) return { error: (await answer.text()).trim() };
  return kind.startsWith("application/json") ? answer.json() : null;
}
