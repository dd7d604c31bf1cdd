// The status page, kept up to date by server-sent events. Without scripts the same page works by links and forms.
import { LogView } from "./log.js";

const STATES = ["RUNNING", "STARTING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN"];
const byId = (id) => document.getElementById(id);
const programs = new Map(); // "group:name" -> { group, name, state, description, pid, start, cpu, memory }
const rows = new Map(); // the same -> its <tr> and cells
const groups = new Map(); // group -> its <tbody>
const shownStates = new Set();
let clock = 0; // the daemon's seconds since 1970 minus ours
let log;

const text = (node, value) => { if (node.textContent !== value) node.textContent = value; };
const key = (program) => `${program.group}:${program.name}`;
const title = (program) => (program.group === program.name ? program.name : key(program));

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function uptime(start) {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 + clock - start));
  const two = (number) => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const time = `${Math.floor(seconds / 3600) % 24}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days ? `${days} day${days > 1 ? "s" : ""}, ${time}` : time;
}

function bytes(amount) {
  if (amount === null) return "";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) { amount /= 1024; unit += 1; }
  return `${amount < 10 && unit > 1 ? amount.toFixed(1) : Math.round(amount)} ${units[unit]}`;
}

const percent = (share) => (share === null ? "" : `${share < 10 ? share.toFixed(1) : Math.round(share)} %`);

function say(message, failed = false) {
  const place = byId("message");
  place.textContent = message;
  place.className = failed ? "error" : "";
  place.hidden = !message;
}

async function act(fields, button) {
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("index.html", {
      method: "POST", body: new URLSearchParams(fields),
      headers: { Accept: "application/json", "X-Requested-With": "supervisor" },
    });
    const { message, failed } = await answer.json();
    say(message, failed);
  } catch {
    say("The daemon does not answer.", true);
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

function link(label, name, action) {
  return element("li", {}, element("a", {
    textContent: label, href: `index.html?processname=${encodeURIComponent(name)}&action=${action}`,
  }));
}

function actions(program) {
  const name = title(program);
  const made = [];
  if (program.state === "RUNNING") made.push(link("Restart", name, "restart"), link("Stop", name, "stop"));
  else if (["STOPPED", "EXITED", "FATAL"].includes(program.state)) made.push(link("Start", name, "start"));
  else if (["STARTING", "BACKOFF"].includes(program.state)) made.push(link("Stop", name, "stop"));
  made.push(link("Clear Log", name, "clearlog"));
  for (const channel of ["stdout", "stderr"]) {
    const anchor = element("a", { textContent: channel, href: `logtail.html?processname=${encodeURIComponent(name)}&channel=${channel}` });
    Object.assign(anchor.dataset, { log: name, channel });
    made.push(element("li", {}, anchor));
  }
  return element("ul", {}, ...made);
}

function groupRow(group) {
  const row = element("tr", { className: "group" });
  const buttons = ["Start", "Restart", "Stop", "Clear Logs"].map((label) => {
    const button = element("button", { type: "button", textContent: label });
    const action = label === "Clear Logs" ? "clearlog" : label.toLowerCase();
    button.onclick = () => act({ group, action }, button);
    return button;
  });
  row.append(
    element("td", { className: "count" }), element("th", { textContent: group, scope: "rowgroup" }), element("td", { className: "description" }),
    element("td", { className: "number" }), element("td", { className: "number" }),
    element("td", { className: "action" }, ...buttons.flatMap((button) => [button, " "])),
  );
  return row;
}

function bodyOf(group) {
  let body = groups.get(group);
  if (!body) {
    body = element("tbody");
    body.dataset.group = group;
    groups.set(group, body);
    const next = [...groups.keys()].filter((other) => other > group).sort()[0];
    byId("programs").insertBefore(body, next === undefined ? null : groups.get(next));
  }
  return body;
}

function rowOf(program) {
  const known = rows.get(key(program));
  if (known) return known;
  const name = title(program);
  const anchor = element("a", { textContent: name, href: `tail.html?processname=${encodeURIComponent(name)}` });
  Object.assign(anchor.dataset, { log: name, channel: "stdout" });
  const cells = {
    state: element("span"), description: element("td", { className: "description" }),
    cpu: element("td", { className: "number" }), memory: element("td", { className: "number" }), action: element("td", { className: "action" }),
  };
  const row = element("tr", {}, element("td", {}, cells.state), element("td", { className: "name" }, anchor),
    cells.description, cells.cpu, cells.memory, cells.action);
  row.dataset.key = key(program);
  const body = bodyOf(program.group);
  const after = [...body.querySelectorAll("tr[data-key]")].find((other) => other.dataset.key > row.dataset.key);
  body.insertBefore(row, after ?? null);
  rows.set(key(program), { row, ...cells });
  return rows.get(key(program));
}

function describe(program) {
  return program.state === "RUNNING" ? `pid ${program.pid}, uptime ${uptime(program.start)}` : program.description;
}

function paint(program) {
  const cells = rowOf(program);
  if (cells.row.dataset.state !== program.state) {
    cells.row.dataset.state = program.state;
    cells.state.className = `state ${program.state.toLowerCase()}`;
    cells.action.replaceChildren(actions(program));
  }
  text(cells.state, program.state.toLowerCase());
  text(cells.description, describe(program));
  text(cells.cpu, percent(program.cpu));
  text(cells.memory, bytes(program.memory));
}

function paintGroup(group, body) {
  const members = [...programs.values()].filter((program) => program.group === group);
  let head = body.querySelector("tr.group");
  const wanted = members.length > 1 || members.some((program) => program.name !== group);
  if (wanted && !head) {
    head = groupRow(group);
    body.prepend(head);
  }
  if (!head) return;
  if (!wanted) { head.remove(); return; }
  for (const row of body.querySelectorAll("tr[data-key]")) row.classList.add("member");
  const sum = (field) => members.reduce((all, program) => (program[field] === null ? all : (all ?? 0) + program[field]), null);
  const [, , description, cpu, memory] = head.children;
  text(description, `${members.filter((program) => program.state === "RUNNING").length} of ${members.length} running`);
  text(cpu, percent(sum("cpu")));
  text(memory, bytes(sum("memory")));
}

function filter() {
  const words = byId("filter").value.toLowerCase();
  for (const [group, body] of groups) {
    let some = false;
    for (const row of body.querySelectorAll("tr[data-key]")) {
      const fits = row.dataset.key.toLowerCase().includes(words) && (!shownStates.size || shownStates.has(row.dataset.state));
      row.hidden = !fits;
      some ||= fits;
    }
    body.hidden = !some;
    if (!body.childElementCount) { body.remove(); groups.delete(group); }
  }
}

function paintStates() {
  const counts = new Map();
  for (const { state } of programs.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
  const place = byId("states");
  for (const state of STATES) {
    let button = place.querySelector(`[data-state="${state}"]`);
    if (!button) {
      button = element("button", { type: "button", onclick: () => {
        if (!shownStates.delete(state)) shownStates.add(state);
        button.setAttribute("aria-pressed", shownStates.has(state));
        filter();
      } });
      button.dataset.state = state;
      button.setAttribute("aria-pressed", "false");
      place.append(button);
    }
    text(button, `${state.toLowerCase()} ${counts.get(state) ?? 0}`);
    button.hidden = !counts.has(state) && !shownStates.has(state);
  }
}

function update({ now, rows: changed, gone = [] }, whole) {
  clock = now - Date.now() / 1000;
  if (!byId("programs")) { // there were no programs when the page was made
    if (changed.length) location.reload();
    return;
  }
  if (whole) {
    for (const body of byId("programs").querySelectorAll("tbody")) body.remove();
    for (const map of [programs, rows, groups]) map.clear();
  }
  for (const program of changed) {
    programs.set(key(program), program);
    paint(program);
  }
  for (const name of gone) {
    rows.get(name)?.row.remove();
    rows.delete(name);
    programs.delete(name);
  }
  for (const [group, body] of groups) paintGroup(group, body);
  paintStates();
  filter();
}

function live() {
  const place = byId("live");
  const source = new EventSource("events");
  const heard = () => { place.hidden = false; place.className = ""; text(place, "live"); };
  source.addEventListener("all", (event) => { heard(); update(JSON.parse(event.data), true); });
  source.addEventListener("some", (event) => { heard(); update(JSON.parse(event.data), false); });
  source.onerror = () => {
    place.hidden = false;
    place.className = "lost";
    text(place, "connection lost, trying again");
    // A browser gives up after an error status, such as that of a proxy while the daemon restarts.
    if (source.readyState === EventSource.CLOSED) setTimeout(live, 3000);
  };
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (anchor.dataset.log !== undefined) {
    event.preventDefault();
    log ??= new LogView(byId("log"), () => {});
    log.open(anchor.dataset.log, anchor.dataset.channel);
    return;
  }
  const query = new URL(anchor.href).searchParams;
  if (!query.has("action")) return;
  event.preventDefault();
  if (anchor.classList.contains("danger") && !confirm("Stop all programs?")) return;
  act(Object.fromEntries(query), anchor);
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target));
  if (event.submitter?.name) fields[event.submitter.name] = event.submitter.value;
  delete fields.page;
  act(fields, event.submitter);
});
byId("filter").addEventListener("input", filter);
byId("tools").hidden = false;
setInterval(() => {
  for (const program of programs.values()) if (program.state === "RUNNING") text(rows.get(key(program)).description, describe(program));
}, 1000);
if (location.search) history.replaceState(null, "", location.pathname); // a message is not shown again on reload
live();
