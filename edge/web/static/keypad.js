// The keypad: an order that wants the alarm's code is given once the code is typed, and again after a wrong one.

import { $, closesBeside, fill } from "./dom.js";
import { span } from "./words.js";

const UNHEARD = "That did not reach the device. Nothing was changed.";

let order = null; // what the keypad's code is for: {send, done}
let opens = 0; // the end of a lockout, by performance.now(); 0 for none

/**
 * Give an order to the device, with the alarm's code where it wants one. Resolves with the last answer of `send`, null
 * where the person gave up.
 *
 * send(code): gives the order, code null for none, and answers as `ask` does
 * title, verb: what the keypad and its button say
 * known: a code is wanted, so nothing is sent before there is one; else the device says so
 */
export async function ordered(send, { title, verb, known }) {
  const answer = known ? null : await send(null);
  if (answer && !wantsCode(answer)) return answer;
  return new Promise((done) => {
    order?.done(null);
    order = { send, done };
    fill($("pin-title"), title);
    fill($("pin-ok"), verb);
    askAgain(answer);
    if (!$("pin").open) $("pin").showModal();
    $("pin-code").focus();
  });
}

// 403 without a time to wait is a page that is out of date; 409 without the flag, what no code would allow.
const wantsCode = ({ status, said, wait }) => Boolean(said?.code_wanted) || ([403, 429].includes(status) && wait > 0);

function askAgain(answer) {
  fill($("pin-why"), answer ? (answer.said?.error ?? UNHEARD) : "");
  $("pin-code").value = "";
  $("pin").dataset.wrong = String(Boolean(answer));
  if (answer?.wait) opens = performance.now() + answer.wait * 1000;
  tickKeypad();
}

async function give() {
  const given = order;
  const answer = await given.send($("pin-code").value);
  if (order !== given) return; // given up meanwhile
  if (wantsCode(answer)) {
    askAgain(answer);
    $("pin-code").focus();
  } else end(answer);
}

function end(answer) {
  const given = order;
  order = null;
  $("pin").close();
  given?.done(answer);
}

/** How long the keypad stays locked. */
export function tickKeypad() {
  const locked = (opens - performance.now()) / 1000;
  for (const key of $("pin").querySelectorAll(".key, [type=submit]")) key.disabled = locked > 0;
  if (locked > 0) fill($("pin-why"), `Too many wrong codes. Wait ${span(Math.ceil(locked))}.`);
  else if (opens) {
    opens = 0;
    fill($("pin-why"), "Try again.");
  }
}

function press(key) {
  const code = $("pin-code");
  code.value = key === "clear" ? "" : key === "back" ? code.value.slice(0, -1) : code.value + key;
  $("pin").dataset.wrong = "false";
}

/** Listen to its keys. */
export function startKeypad() {
  for (const key of document.querySelectorAll(".key")) {
    key.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    key.addEventListener("click", () => press(key.dataset.key));
  }
  $("pin-form").addEventListener("submit", (event) => {
    event.preventDefault();
    give();
  });
  $("pin-cancel").addEventListener("click", () => end(null));
  $("pin").addEventListener("close", () => $("pin").open || end(null)); // by Escape, or by a tap beside it
  closesBeside($("pin"));
}
