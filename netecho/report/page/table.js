// The table: a row a target, sorted and filtered. Rows are made once and changed in place.

import { el, svg, ms, percent, lasted } from "./format.js";

export const RANKS = { unreachable: 0, down: 1, degraded: 2, pending: 3, up: 4 };
const POINTS = 120;
const SOON = 500; // ms in which what is new is gathered
const WIDTH = 240;
const HEIGHT = 24;

const KEYS = {
  worst: (row) => [RANKS[row.state], -(row.minute.loss_percent ?? 0)],
  name: () => [],
  loss: (row) => [-(row.minute.loss_percent ?? -1)],
  p50: (row) => [-(row.minute.p50_ms ?? -1)],
  p99: (row) => [-(row.minute.p99_ms ?? -1)],
  hourLoss: (row) => [-(row.hour.loss_percent ?? -1)],
  hourP50: (row) => [-(row.hour.p50_ms ?? -1)],
  hourP99: (row) => [-(row.hour.p99_ms ?? -1)],
};

const byName = new Intl.Collator("en", { numeric: true }).compare;

export class Table {
  constructor(table, none) {
    this.body = table.tBodies[0];
    this.heads = [...table.tHead.rows[0].cells].filter((cell) => cell.dataset.key);
    this.none = none;
    this.rows = new Map();
    this.key = "worst";
    this.reversed = false;
    this.words = [];
    this.state = null;
    this.open = null;
    this.due = false;
    this.dirty = new Set();
    for (const head of this.heads) {
      head.firstElementChild.addEventListener("click", () => this.sortBy(head.dataset.key));
    }
    this.showOrder();
  }

  remove(name) {
    const row = this.rows.get(name);
    row.tr.remove();
    this.dirty.delete(row);
    this.rows.delete(name);
  }

  sortBy(key) {
    this.reversed = key === this.key && !this.reversed;
    this.key = key;
    this.showOrder();
    this.arrange();
  }

  showOrder() {
    for (const head of this.heads) {
      const falls = head.dataset.key === "name" ? this.reversed : !this.reversed;
      if (head.dataset.key === this.key) head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  filter(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.arrange();
  }

  only(state) {
    this.state = state;
    this.arrange();
  }

  select(name) {
    this.rows.get(this.open)?.tr.removeAttribute("aria-current");
    this.open = name;
    this.rows.get(name)?.tr.setAttribute("aria-current", "true");
  }

  // Take in a row, whole or what is new of it; `course` only where it is whole.
  update(told) {
    let row = this.rows.get(told.target);
    if (row === undefined) {
      if (told.url === undefined) return;
      row = this.make(told.target);
    }
    if (told.course !== undefined) {
      row.p50 = told.course.p50_ms;
      row.lost = told.course.lost;
      row.last = told.slot?.began;
    } else if (told.slot !== null && told.slot.began.slice(0, 19) !== row.last?.slice(0, 19)) {
      // The same slot's time may differ by what the two clocks drifted, far less than a second in most.
      if (row.last === undefined || Date.parse(told.slot.began) - Date.parse(row.last) > 2500) {
        row.last = told.slot.began;
        row.p50 = [...row.p50.slice(1 - POINTS), told.slot.p50_ms];
        row.lost = [...row.lost.slice(1 - POINTS), told.slot.lost];
      }
    }
    Object.assign(row.told, told, { heard: performance.now() });
    this.dirty.add(row);
    if (this.due) return;
    this.due = true;
    setTimeout(() => this.show(), SOON);
  }

  // Draw what has changed, all at once: each time the browser lays the whole table out anew.
  show() {
    this.due = false;
    for (const row of this.dirty) this.draw(row);
    this.dirty.clear();
    this.arrange();
  }

  make(name) {
    const link = el("a", { href: `#/${encodeURIComponent(name)}` }, name);
    const row = { told: {}, p50: [], lost: [], cells: {}, link };
    const cell = (key, attributes, ...children) => (row.cells[key] = el("td", attributes, ...children));
    row.lines = [svg("path", { class: "line" }), svg("path", { class: "line" })];
    row.marks = [svg("path", { class: "lost" }), svg("path", { class: "lost" })];
    row.why = el("span", { class: "why" });
    row.url = el("span", { class: "url" });
    row.word = el("span", { class: "word" });
    row.tr = el(
      "tr",
      {},
      cell("state", { class: "c-state" }, row.word),
      el("th", { scope: "row", class: "c-name" }, link, row.url, row.why, spark(row, 1)),
      cell("loss", { class: "num" }),
      cell("p50", { class: "num" }),
      cell("p99", { class: "num" }),
      cell("hourLoss", { class: "num c-hour c-first" }),
      cell("hourP50", { class: "num c-hour" }),
      cell("hourP99", { class: "num c-hour" }),
      el("td", { class: "c-spark" }, spark(row, 0)),
    );
    row.tr.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !getSelection().toString()) location.hash = link.hash;
    });
    this.rows.set(name, row);
    if (name === this.open) row.tr.setAttribute("aria-current", "true");
    return row;
  }

  draw(row) {
    const { told, cells } = row;
    row.tr.dataset.state = told.state;
    put(row.word, told.state);
    put(row.url, told.url === told.target ? "" : told.url);
    put(row.why, told.state === "up" || told.state === "pending" ? "" : `${told.reason}, for ${lasted(since(told))}`);
    for (const [prefix, span] of [["", told.minute], ["hour", told.hour]]) {
      const name = (key) => (prefix ? prefix + key[0].toUpperCase() + key.slice(1) : key);
      const loss = cells[name("loss")];
      put(loss, percent(span.loss_percent));
      loss.classList.toggle("is-lost", span.lost > 0);
      put(cells[name("p50")], ms(span.p50_ms));
      put(cells[name("p99")], ms(span.p99_ms));
    }
    drawCourse(row);
    row.text = [told.target, told.url, told.address, told.group, told.state, told.reason]
      .concat(Object.entries(told.labels ?? {}).map(([name, value]) => `${name}=${value}`))
      .join(" ")
      .toLowerCase();
  }

  // Put the rows in their order, moving only those that are elsewhere; whoever is on one stays on it.
  arrange() {
    const key = KEYS[this.key];
    const shown = [];
    for (const row of this.rows.values()) {
      const fits = row.text !== undefined && (this.state === null || row.told.state === this.state) && this.words.every((word) => row.text.includes(word));
      if (row.tr.hidden === fits) row.tr.hidden = !fits;
      row.key = key(row.told);
      shown.push(row);
    }
    const sign = this.reversed ? -1 : 1;
    shown.sort((a, b) => {
      for (let n = 0; n < a.key.length; n++) if (a.key[n] !== b.key[n]) return sign * (a.key[n] - b.key[n]);
      const named = byName(a.told.target, b.told.target);
      return this.key === "name" ? sign * named : named;
    });
    const focused = document.activeElement;
    let place = this.body.firstElementChild;
    for (const row of shown) {
      if (row.tr === place) place = place.nextElementSibling;
      else this.body.insertBefore(row.tr, place);
    }
    if (focused !== document.activeElement && this.body.contains(focused)) focused.focus({ preventScroll: true });
    const visible = shown.some((row) => !row.tr.hidden);
    this.none.hidden = visible || !shown.length;
    put(this.none, "No target is like that.");
  }
}

export function since(told) {
  return told.since_ms + (performance.now() - told.heard);
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function drawCourse(row) {
  const step = WIDTH / POINTS;
  const first = POINTS - row.p50.length;
  const known = row.p50.filter((value) => value !== null);
  const low = Math.min(...known);
  const high = Math.max(...known);
  // What hardly differs is drawn as the calm line that it is.
  const room = Math.max(high - low, high * 0.25, 0.001);
  let line = "";
  let marks = "";
  let drawn = false;
  row.p50.forEach((value, n) => {
    const x = ((first + n + 0.5) * step).toFixed(1);
    if (row.lost[n] > 0) marks += `M${x} 0V${HEIGHT}`;
    if (value === null) {
      drawn = false;
      return;
    }
    const y = (HEIGHT - 3 - ((value - low) / room) * (HEIGHT - 6)).toFixed(1);
    line += `${drawn ? "L" : "M"}${x} ${y}`;
    if (!drawn && (n + 1 === row.p50.length || row.p50[n + 1] === null)) line += `h${step}`;
    drawn = true;
  });
  if (row.drawn === line + marks) return;
  row.drawn = line + marks;
  for (const path of row.lines) path.setAttribute("d", line);
  for (const path of row.marks) path.setAttribute("d", marks);
}

// The course: the first has a column of its own, the second stands below the name where the screen is narrow.
function spark(row, n) {
  const box = { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", box, row.marks[n], row.lines[n]);
}
