// One target opened: its course, its figures, its changes.

import { Charts } from "./chart.js";
import { count, el, lasted, ms, percent, when } from "./format.js";
import { put, since } from "./table.js";

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const RANGES = [
  { word: "10 min", long: 10 * MINUTE, asked: "10m", again: 5 * MINUTE },
  { word: "1 h", long: HOUR, asked: "1h", again: MINUTE },
  { word: "6 h", long: 6 * HOUR, asked: "6h", again: MINUTE, kept: true },
  { word: "24 h", long: 24 * HOUR, asked: "24h", again: MINUTE, kept: true },
  { word: "7 d", long: 168 * HOUR, asked: "168h", again: 5 * MINUTE, kept: true },
  { word: "30 d", long: 720 * HOUR, asked: "720h", again: 30 * MINUTE, kept: true },
];
const FIGURES = 5000; // ms between two looks at the figures
const SLOT = 5000;
const MOST_CHANGES = 50;
const BESIDE = new Set(["sent", "mean", "p90"]); // what a narrow screen does without
const AWAY = new Set(["down", "unreachable"]);
const TIMES = ["min", "mean", "p50", "p90", "p99", "max"];

export class Detail {
  constructor(room, server, fail) {
    this.room = room;
    this.server = server;
    this.fail = fail;
    this.name = null;
    this.range = RANGES[0];
    this.hasHistory = false;
    this.isLog = false;
  }

  open(name, told, changes) {
    this.close();
    this.name = name;
    this.told = told;
    this.build();
    this.room.hidden = false;
    this.charts = new Charts(this.room.querySelector(".charts"), this.isLog);
    this.describe();
    this.list(changes);
    this.load();
    this.look();
  }

  close() {
    clearTimeout(this.again);
    clearTimeout(this.looking);
    this.under?.abort();
    this.charts?.close();
    this.charts = null;
    this.name = null;
    this.room.hidden = true;
    this.room.replaceChildren();
  }

  build() {
    const ranges = RANGES.filter((each) => this.hasHistory || !each.kept);
    if (!ranges.includes(this.range)) this.range = RANGES[0];
    const choice = el("div", { class: "ranges", role: "group", "aria-label": "Span of the chart" });
    for (const range of ranges) {
      const button = el("button", { type: "button", "aria-pressed": range === this.range }, range.word);
      button.addEventListener("click", () => {
        for (const each of choice.querySelectorAll("button:not(.log)")) each.setAttribute("aria-pressed", each === button);
        this.range = range;
        this.load();
      });
      choice.append(button);
    }
    const log = el("button", { type: "button", "aria-pressed": this.isLog, class: "log", title: "Logarithmic scale" }, "Log");
    log.addEventListener("click", () => {
      this.isLog = !this.isLog;
      log.setAttribute("aria-pressed", this.isLog);
      this.charts.scale(this.isLog);
    });
    choice.append(log);
    this.state = el("p", { class: "now" });
    this.facts = el("dl", { class: "facts" });
    this.labels = el("p", { class: "labels" });
    this.figures = el("tbody");
    this.totals = el("p", { class: "totals" });
    this.changes = el("ol");
    this.said = el("p", { class: "said", role: "status" });
    const heads = ["", "sent", "lost", "loss", ...TIMES].map((word, n) =>
      el("th", { scope: "col", class: n ? `num ${BESIDE.has(word) ? "beside" : ""}` : null }, word),
    );
    this.room.append(
      el(
        "div",
        { class: "head" },
        el("h2", { id: "detail-title", tabindex: "-1" }, this.name),
        el("a", { href: "#", class: "back" }, "Close"),
      ),
      this.state,
      this.labels,
      choice,
      el("div", { class: "charts" }),
      this.said,
      el(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "Figures" },
        el("table", { class: "figures" }, el("thead", {}, el("tr", {}, ...heads)), this.figures),
      ),
      this.totals,
      this.facts,
      el("section", { class: "changes" }, el("h3", {}, "Changes"), this.changes),
    );
  }

  // Take in what is new of this target.
  update(told) {
    this.told = told;
    this.describe();
    const slot = told.slot;
    if (slot === null || this.range !== RANGES[0] || !this.document) return;
    const last = this.document.periods.at(-1);
    if (last === undefined || Date.parse(slot.began) - Date.parse(last.began) > SLOT / 2) {
      this.document.periods.push(slot);
      const first = Date.now() - this.range.long - SLOT;
      this.document.periods = this.document.periods.filter((each) => Date.parse(each.began) > first);
    }
    this.draw();
  }

  changed(change, changes) {
    this.list(changes);
    if (this.document) {
      const { outages } = this.document;
      if (AWAY.has(change.state) && !AWAY.has(change.before)) outages.push({ began: change.time, ended: null });
      else if (!AWAY.has(change.state) && outages.at(-1)?.ended === null) outages.at(-1).ended = change.time;
      this.draw();
    }
  }

  describe() {
    const { state, reason } = this.told;
    this.state.dataset.state = state;
    put(this.state, `${state} for ${lasted(since(this.told))}${reason && state !== "pending" ? `: ${reason}` : ""}`);
    const labels = Object.entries(this.told.labels ?? {}).map(([name, value]) => `${name}=${value}`);
    if (this.labels.childElementCount !== labels.length) {
      this.labels.replaceChildren(...labels.map((text) => el("span", {}, text)));
    }
  }

  async load() {
    clearTimeout(this.again);
    this.under?.abort();
    const under = (this.under = new AbortController());
    const range = this.range;
    try {
      const query = `target=${encodeURIComponent(this.name)}&since=${range.asked}`;
      const found = await this.server.json(`api/v1/history?${query}`, under.signal);
      if (under !== this.under) return;
      this.document = found;
      this.draw();
    } catch (error) {
      if (under.signal.aborted) return;
      put(this.said, `The chart could not be had: ${error.message.trim()}`);
      this.fail(error);
    }
    this.again = setTimeout(() => this.load(), range.again);
  }

  draw() {
    const found = this.document;
    if (!this.charts || !found) return;
    const until = Date.now();
    this.charts.show({
      periods: found.periods,
      outages: this.outages(found.outages),
      since: until - this.range.long,
      until,
      length: found.period_ms,
    });
    const long = found.period_ms < MINUTE ? `${found.period_ms / 1000} s` : lasted(found.period_ms).replace(" 0 s", "");
    put(this.said, found.periods.length ? `A point is ${long}.` : "There is nothing of this span yet.");
  }

  // One that has no end is not over if it is the last one and the target is away. Of others the end is not known, as
  // the monitor ended before them: their beginning is all that is drawn.
  outages(every) {
    return every.map((each, n) => {
      const isOpen = n === every.length - 1 && AWAY.has(this.told.state);
      return each.ended === null && !isOpen ? { ...each, ended: each.began } : each;
    });
  }

  async look() {
    clearTimeout(this.looking);
    const name = this.name;
    try {
      const found = await this.server.json(`api/v1/targets?target=${encodeURIComponent(name)}`);
      if (name === this.name && found.targets.length) this.show(found.targets[0]);
    } catch (error) {
      this.fail(error);
    }
    if (name === this.name) this.looking = setTimeout(() => this.look(), FIGURES);
  }

  show(target) {
    this.figures.replaceChildren(...spanRows("Last minute", target.minute), ...spanRows("Last hour", target.hour));
    const counts = Object.entries(target.probes).filter(([name, value]) => value || name === "sent" || name === "received");
    put(this.totals, `Since it is watched: ${counts.map(([name, value]) => `${count(value)} ${name.replace("_", " ")}`).join(", ")}`);
    const facts = [
      ["Target", target.url],
      ["Address", target.address ?? "not known"],
      ["Group", target.group],
      ["Lost", directions(target.lost_by_direction)],
      ["Every", `${target.interval_ms} ms, ${target.size} bytes, given up after ${target.timeout_ms} ms`],
      ...target.criteria.map((each) => [
        "Degraded if",
        `${each.when} for ${lasted(each.for_ms)}${each.firing ? ": it is true" : ""}`,
      ]),
    ].filter(([, value]) => value);
    this.facts.replaceChildren(...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  list(changes) {
    const ours = changes.filter((each) => each.target === this.name).slice(-MOST_CHANGES).reverse();
    this.changes.replaceChildren(...ours.map((each) => changeRow(each, false)));
  }
}

// Where probes were lost, where any of it is known.
function directions({ forward, backward, unknown }) {
  if (!forward && !backward) return "";
  return `${count(forward)} on the way there, ${count(backward)} on the way back, ${count(unknown)} unknown`;
}

// The figures of a span, and of each direction where the far end stamps too.
function spanRows(word, span) {
  const rows = [figuresRow(word, span.sent, span.lost, percent(span.loss_percent), span.rtt)];
  for (const direction of ["forward", "backward"]) {
    const [times, lost] = [span[direction], span[`lost_${direction}`]];
    if (lost || typeof times?.p50_ms === "number") rows.push(figuresRow(direction, null, lost, "", times));
  }
  return rows;
}

function figuresRow(word, sent, lost, loss, times) {
  const cells = [
    ["sent", sent === null ? "" : count(sent)],
    ["lost", typeof lost === "number" ? count(lost) : "–"],
    ["loss", loss],
    ...TIMES.map((each) => [each, ms(times[`${each}_ms`])]),
  ];
  const made = cells.map(([key, text]) => el("td", { class: `num ${BESIDE.has(key) ? "beside" : ""}` }, text));
  return el("tr", { class: sent === null ? "direction" : null }, el("th", { scope: "row" }, word), ...made);
}

// A change of state as a line of a list.
export function changeRow(change, named) {
  const parts = [
    el("time", { datetime: change.time }, when(change.time)),
    el("span", { class: "word", "data-state": change.state }, change.state),
  ];
  if (named) parts.push(el("a", { href: `#/${encodeURIComponent(change.target)}` }, change.target));
  const before = change.before === "pending" ? "" : `, after ${lasted(change.lasted_ms)} ${change.before}`;
  parts.push(el("span", { class: "reason" }, `${change.reason}${before}`));
  return el("li", {}, ...parts);
}
