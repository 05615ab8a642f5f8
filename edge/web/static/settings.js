// The configuration as a form, made from the schema that the device sends. Only what was changed is sent back, so that
// all else in the file stays as its owner wrote it.

import { ask, complain, follow, tell, watchAlarm } from "./desk.js";
import { $, fill, make } from "./dom.js";
import { title } from "./words.js";

const TITLES = { node: "This device", camera: "Cameras", crop: "What the model sees", engine: "Engines", email: "Mail", siren: "Sirens" };
const FIRST = ["camera", "alarm", "email", "mqtt"];

let version = "";
let fields = []; // {key, kind, control, node, initial()}: one a control
let gone = []; // keys of tables to take out
let unwritable = null;

const dotted = (key) => key.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("").replace(/^\./, "");
/** Lists whose entries may have commas themselves: `fri,sat 23:00-09:00`, `"Doe, Ann" <ann@example.org>`. */
const WHOLE = /\.(quiet_hours|to)$/;
const SHORT = /\b(tls|url|ca|fps|mb|gb|mqtt|pin|id)\b/gi;
const caption = (key) => title(key).replace(SHORT, (word) => word.toUpperCase());
const heading = (key) => TITLES[key] ?? caption(key);
/** A default as it is typed into a field: without what TOML needs around it. */
const bare = (text) => text.replace(/[`"[\]]/g, "");
/** Words with `code` in them, said of a field: without what only the file needs, brackets, quotes and their names. */
const marked = (text) =>
  text
    .replaceAll(" in quotes", "")
    .replace(/, an? `\[\[[\w.]+\]\]` table each|, one `\[\[[\w.]+\]\]` table each/, "")
    .replaceAll(/; `\[\]`: none/g, "")
    .replaceAll(/; `\[\]` is never/g, "")
    .split("`")
    .map((part, i) => (i % 2 ? make("code", { textContent: bare(part) }) : part));

// ---------------------------------------------------------------- one field

const KINDS = {
  boolean: {
    build: (field) => make("input", { type: "checkbox", className: "switch" }),
    show: (control, value, field) => (control.checked = value === undefined ? field.default === "`true`" : Boolean(value)),
    read: (control) => control.checked,
  },
  choice: {
    build: (field) => {
      const unset = make("option", { value: "", textContent: `default (${bare(field.default)})` });
      return make("select", {}, unset, ...field.choices.map((choice) => make("option", { value: choice, textContent: choice })));
    },
    show: (control, value) => (control.value = value ?? ""),
    read: (control) => control.value || null,
  },
  choices: {
    build: (field) => {
      const boxes = field.choices.map((choice) => make("label", {}, make("input", { type: "checkbox", value: choice }), title(choice)));
      return make("fieldset", { className: "choices" }, ...boxes);
    },
    show: (control, value) => {
      for (const box of control.querySelectorAll("input")) box.checked = (value ?? []).includes(box.value);
    },
    read: (control) => {
      const ticked = [...control.querySelectorAll("input:checked")].map((box) => box.value);
      return ticked.length ? ticked : null;
    },
  },
  texts: {
    build: () => make("textarea", { rows: 2, placeholder: "one a line", spellcheck: false, autocapitalize: "none" }),
    show: (control, value) => (control.value = [value ?? []].flat().map((each) => each?.$masked ?? each).join("\n")),
    read: (control) => {
      const lines = control.value.split(WHOLE.test(control.id) ? "\n" : /[\n,]/).map((line) => line.trim()).filter(Boolean);
      return lines.length ? lines : null;
    },
  },
  number: {
    build: () => make("input", { type: "text", inputMode: "decimal" }),
    show: (control, value) => (control.value = value ?? ""),
    // What is no number goes as it is: the device says what is wrong with it.
    read: (control) => (control.value.trim() === "" ? null : /^-?\d+(\.\d+)?$/.test(control.value.trim()) ? Number(control.value) : control.value),
  },
  secret: {
    build: () => make("input", { type: "password", autocomplete: "new-password" }),
    show: (control, value) => {
      control.placeholder = value ? value.$secret || "set; leave empty to keep it" : "not set";
      control.value = "";
    },
    read: (control) => (control.dataset.gone ? null : control.value || undefined),
  },
  file: {
    build: () => make("input", { type: "text", disabled: true }),
    show: (control, value) => (control.value = value === undefined ? "not set" : JSON.stringify(value)),
    read: () => undefined,
  },
  text: {
    build: () => make("input", { type: "text", spellcheck: false, autocapitalize: "none" }),
    show: (control, value) => (control.value = value?.$masked ?? value ?? ""),
    read: (control) => control.value || null,
  },
};
KINDS.integer = KINDS.number;

/** A field that holds another kind of value than its control can show, such as a table for `true`, stays in the file. */
function kindFor(field, value) {
  const isTable = value && typeof value === "object" && !Array.isArray(value) && !("$secret" in value) && !("$masked" in value);
  return isTable || (Array.isArray(value) && !["texts", "choices"].includes(field.kind)) ? "file" : field.kind;
}

function fieldFor(field, key, value) {
  const kind = kindFor(field, value);
  const { build, show, read } = KINDS[kind];
  const control = build(field);
  const id = `field-${dotted(key)}`;
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-doc ${id}-wrong`);
  if (kind === "choices") control.setAttribute("aria-label", caption(field.key));
  if (kind === "number" || kind === "integer" || kind === "text") control.placeholder = field.needed ? "" : bare(field.default);
  show(control, value, field);
  const label = make("label", { htmlFor: id }, caption(field.key.replace(/_(s|ms|mb|gb|days|hours)$/, "")), field.unit ? make("span", { className: "fine", textContent: field.unit }) : "");
  const doc = make("p", { className: "fine", id: `${id}-doc` }, ...marked(field.doc));
  const wrong = make("p", { className: "field__wrong", id: `${id}-wrong`, hidden: true });
  const node = make("div", { className: `field field--${kind}` }, label, control, doc, wrong);
  if (kind === "choices" || kind === "texts") doc.append(` Default: ${bare(field.default)}.`);
  if (kind === "file") doc.append(" This is changed in the file.");
  if (kind === "secret" && value) node.insertBefore(takeOut(control), doc);
  const known = { key, control, wrong, read: () => read(control), initial: JSON.stringify(read(control)) };
  fields.push(known);
  return node;
}

function takeOut(control) {
  const button = make("button", { type: "button", className: "button button--small", textContent: "Take it out" });
  button.addEventListener("click", () => {
    control.dataset.gone = "yes";
    control.value = "";
    control.placeholder = "will be taken out";
    control.disabled = button.disabled = true;
    mark();
  });
  return button;
}

// ---------------------------------------------------------------- tables

function bodyOf(table, key, values) {
  const own = table.fields.map((field) => fieldFor(field, [...key, field.key], values?.[field.key]));
  const below = table.tables.map((inner) => tableFor(inner, [...key, inner.key], values?.[inner.key]));
  return [...own, ...below.filter(Boolean)];
}

function tableFor(table, key, values) {
  const top = key.length === 1;
  const drawn = ["zone", "line"].includes(table.key);
  if (!table.fields.length && !table.tables.length) return null;
  if (values !== undefined && table.many !== Array.isArray(values)) return make("p", { className: "fine", textContent: `${heading(table.key)} is changed in the file.` });
  const parts = table.many ? entriesOf(table, key, values ?? [], drawn) : bodyOf(table, key, values);
  const summary = make("summary", {}, make(top ? "h2" : "h3", { textContent: heading(table.key) }), make("span", { className: "fine" }, ...marked(table.doc)));
  const box = make("details", { className: top ? "card section" : "section section--inner" }, summary, ...parts);
  box.dataset.key = dotted(key);
  return box;
}

function entriesOf(table, key, values, drawn) {
  const boxes = values.map((entry, number) => entryFor(table, [...key, number], entry));
  const add = make("button", { type: "button", className: "button", textContent: `Add ${table.key}` });
  let next = values.length;
  add.addEventListener("click", () => {
    const box = entryFor(table, [...key, next++], undefined);
    box.open = true;
    add.before(box);
    box.querySelector("input")?.focus();
    mark();
  });
  return drawn ? [...boxes, make("a", { className: "button", href: "/areas", textContent: "Draw them on the picture" })] : [...boxes, add];
}

function entryFor(table, key, values) {
  const name = values?.name ?? values?.to ?? `${title(table.key)} ${key.at(-1) + 1}`;
  const remove = make("button", { type: "button", className: "button button--small", textContent: "Remove" });
  const summary = make("summary", {}, make("h3", { textContent: title([name].flat()[0]) }));
  const box = make("details", { className: "section section--inner" }, summary, ...bodyOf(table, key, values), remove);
  box.dataset.key = dotted(key);
  remove.setAttribute("aria-label", `Remove ${title([name].flat()[0])}`);
  remove.addEventListener("click", () => {
    fields = fields.filter((field) => !dotted(field.key).startsWith(`${dotted(key)}.`));
    if (values) gone.push(key);
    box.remove();
    mark();
  });
  return box;
}

// ---------------------------------------------------------------- changes

function changes() {
  const told = fields
    .map(({ key, read, initial }) => ({ key, value: read(), initial }))
    .filter(({ value, initial }) => value !== undefined && JSON.stringify(value) !== initial)
    .map(({ key, value }) => ({ key, value }));
  const removed = [...gone].sort((a, b) => b.at(-1) - a.at(-1)).map((key) => ({ key, value: null }));
  return [...closed(told), ...removed];
}

/** New entries count on from those that the file has, without the numbers of those that were removed before saving. */
function closed(told) {
  const fresh = new Map();
  return told.map(({ key, value }) => {
    const at = key.findIndex((part) => typeof part === "number");
    if (at < 0) return { key, value };
    const list = dotted(key.slice(0, at));
    const had = counts.get(list) ?? 0;
    if (key[at] < had) return { key, value };
    const numbers = fresh.get(list) ?? fresh.set(list, []).get(list);
    if (!numbers.includes(key[at])) numbers.push(key[at]);
    return { key: [...key.slice(0, at), had + numbers.indexOf(key[at]), ...key.slice(at + 1)], value };
  });
}

const counts = new Map(); // entries that the file has of each list

function count(tables, values, above = []) {
  for (const table of tables) {
    const list = values?.[table.key];
    const key = [...above, table.key];
    if (table.many) counts.set(dotted(key), list?.length ?? 0);
    else count(table.tables, list, key);
  }
}

function mark() {
  const many = changes().length;
  $("save").disabled = !many || Boolean(unwritable);
  if (many) tell(`${many} change${many === 1 ? "" : "s"}`);
  else tell("");
}

function blame(findings) {
  for (const { wrong, control } of fields) {
    wrong.hidden = true;
    control.removeAttribute("aria-invalid");
  }
  let first = null;
  for (const { key, message, help } of findings) {
    const field = fields.find((each) => key === dotted(each.key) || key.startsWith(`${dotted(each.key)}[`)) ?? fields.find((each) => dotted(each.key).startsWith(key));
    if (!field) continue;
    fill(field.wrong, [message, help].filter(Boolean).join(": "));
    field.wrong.hidden = false;
    field.control.setAttribute("aria-invalid", "true");
    for (let box = field.control.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    first ??= field.control.querySelector("input") ?? field.control;
  }
  first?.focus();
}

async function save(event) {
  event.preventDefault();
  $("save").disabled = true;
  tell("Storing…", "wait");
  complain("");
  const { ok, said } = await ask("/api/config", { version, changes: changes() }, "PATCH");
  if (ok) {
    const open = [...document.querySelectorAll("details[open]")].map((box) => box.dataset.key);
    await read(open);
    return follow(said.version);
  }
  tell("Not stored.", "bad");
  complain(said.error, said.changed);
  blame(said.findings ?? []);
  $("save").disabled = false;
}

async function read(open = []) {
  const { ok, said } = await ask("/api/config");
  if (!ok) return complain(said.error);
  [version, unwritable, fields, gone] = [said.version, said.unwritable, [], []];
  counts.clear();
  count(said.form, said.values);
  const rank = ({ key }) => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
  const tables = [...said.form].sort((a, b) => rank(a) - rank(b));
  $("form").replaceChildren(...tables.map((table) => tableFor(table, [table.key], said.values[table.key])).filter(Boolean));
  for (const box of document.querySelectorAll("details")) box.open = open.includes(box.dataset.key);
  fill($("file"), `Stored in ${said.file}; what you do not change stays as it is there, comments too.`);
  complain(unwritable ? `Nothing can be stored: ${unwritable}.` : "");
  mark();
}

$("form").addEventListener("submit", save);
$("form").addEventListener("input", mark);
read();
watchAlarm();
