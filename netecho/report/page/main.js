// The page of a monitor: events come in, the table, the opened target and the counts follow.

import { Detail, changeRow } from "./detail.js";
import { Events, Refused, Server } from "./events.js";
import { count, el } from "./format.js";
import { RANKS, Table, put } from "./table.js";

const find = (id) => document.getElementById(id);
const MOST_CHANGES = 1000;
const SHOWN_CHANGES = 12;

const server = new Server();
const table = new Table(document.querySelector("table.targets"), find("none"));
const detail = new Detail(find("detail"), server, (error) => {
  if (error instanceof Refused && error.status === 401) ask();
});
let changes = [];
let fresh = null; // names seen since the connection began; null once all were told
const events = new Events(server, told, connected);

function told(event, data) {
  if (event === "start") {
    fresh = new Set();
    detail.hasHistory = data.history;
    connected("live", "live");
  } else if (event === "changes") {
    changes = data.changes;
    showChanges();
  } else if (event === "targets" || event === "news") {
    for (const each of data.targets) take(each);
  } else if (event === "all") {
    for (const name of [...table.rows.keys()]) if (!fresh.has(name)) table.remove(name);
    fresh = null;
    table.show();
    follow();
    showStates();
  } else if (event === "state") {
    changes = [...changes.slice(1 - MOST_CHANGES), data];
    take({ target: data.target, ...data.news });
    table.show();
    showChanges();
    if (detail.name === data.target) detail.changed(data, changes);
  } else if (event === "reloaded") {
    events.begin();
  } else if (event === "dropped") {
    connected("lost", `dropped: ${data.reason}`);
  }
}

function take(each) {
  fresh?.add(each.target);
  table.update(each);
  if (each.target === detail.name) detail.update(table.rows.get(each.target).told);
  showStatesSoon();
}

function connected(is, text) {
  const link = find("link");
  link.dataset.is = is;
  put(link, text);
  document.body.dataset.link = is;
  if (is === "refused") ask();
}

// How many are in which state; each is a button that shows those alone.
let statesDue = false;
function showStatesSoon() {
  if (statesDue) return;
  statesDue = true;
  setTimeout(() => ((statesDue = false), showStates()), 250);
}

function showStates() {
  const counted = {};
  for (const { told: { state } } of table.rows.values()) counted[state] = (counted[state] ?? 0) + 1;
  if (table.state !== null && !counted[table.state]) counted[table.state] = 0;
  const room = find("states");
  for (const state of Object.keys(RANKS)) {
    let button = room.querySelector(`[data-state="${state}"]`);
    if (counted[state] === undefined) {
      button?.remove();
      continue;
    }
    if (!button) {
      button = el("button", { type: "button", "data-state": state });
      button.addEventListener("click", () => {
        table.only(table.state === state ? null : state);
        showStates();
      });
      room.insertBefore(button, [...room.children].find((each) => RANKS[each.dataset.state] > RANKS[state]) ?? null);
    }
    button.setAttribute("aria-pressed", table.state === state);
    put(button, `${count(counted[state])} ${state}`);
  }
  const bad = ["unreachable", "down", "degraded"].filter((state) => counted[state]);
  document.title = [...bad.map((state) => `${counted[state]} ${state}`), "netecho monitor"].join(" · ");
}

function showChanges() {
  // That a target answered when it was first asked is no news.
  const news = changes.filter((each) => each.before !== "pending" || each.state !== "up");
  find("changes").replaceChildren(...news.slice(-SHOWN_CHANGES).reverse().map((each) => changeRow(each, true)));
  find("changes").parentElement.hidden = news.length === 0;
}

// The target that the address names is the one that is open: so it can be linked to, and gone back from.
function follow() {
  const name = location.hash.startsWith("#/") ? decoded(location.hash.slice(2)) : null;
  const row = name === null ? undefined : table.rows.get(name);
  document.body.classList.toggle("has-open", row !== undefined);
  table.select(row ? name : null);
  if (row === undefined) {
    detail.close();
  } else if (detail.name !== name) {
    detail.open(name, row.told, changes);
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

addEventListener("hashchange", () => {
  const before = detail.name;
  follow();
  if (detail.name !== null) find("detail-title").focus({ preventScroll: false });
  else table.rows.get(before)?.link.focus();
});

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || find("ask").open) return;
  const writing = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !writing) {
    find("filter").focus();
    event.preventDefault();
  } else if (event.key === "Escape" && detail.name !== null) {
    location.hash = "";
  }
});

find("filter").addEventListener("input", (event) => table.filter(event.target.value));

function ask() {
  if (find("ask").open) return;
  events.end();
  put(find("ask-why"), server.token === null ? "This monitor answers only who has its token." : "That is not the token of this monitor.");
  find("ask").showModal();
}

find("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  server.use(find("token").value);
  find("token").value = "";
  find("ask").close();
  connected("waiting", "connecting");
  events.begin();
  detail.name !== null && detail.load();
});

events.begin();
