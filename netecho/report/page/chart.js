// One target over time: the band from p50 to p99, losses below it, outages behind both. Drawn by uPlot.

import { el, percent, when, withUnit } from "./format.js";

const LATENCY_HEIGHT = 240;
const LOSS_HEIGHT = 96;

const LINEAR = { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] };
// Whole decades, as far as what is shown goes.
const decade = (value, round) => 10 ** round(Math.log10(Math.max(value ?? 1, 1e-6)));
const LOG = {
  distr: 3,
  range: (_, low, high) => {
    const from = decade(low, Math.floor);
    return [from, Math.max(decade(high, Math.ceil), from * 10)];
  },
};

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Charts {
  constructor(room, isLog) {
    this.isLog = isLog;
    this.readout = el("p", { class: "readout" });
    this.room = el("div");
    room.replaceChildren(this.readout, this.room);
    this.plots = [];
    this.data = null;
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.room);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.make();
    this.scheme.addEventListener("change", this.repaint);
  }

  close() {
    this.sizes.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
    this.drop();
  }

  drop() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
  }

  // `periods` in order; `since` and `until` in ms since 1970; a period is `length` ms long.
  show({ periods, outages, since, until, length }) {
    const x = [];
    const p50 = [];
    const p99 = [];
    const loss = [];
    let before = null;
    for (const period of periods) {
      const began = Date.parse(period.began) / 1000;
      if (before !== null && began - before > (1.6 * length) / 1000) {
        // Where there is no period the line has a gap.
        x.push(before + length / 1000);
        for (const values of [p50, p99, loss]) values.push(null);
      }
      x.push(began);
      p50.push(period.p50_ms);
      p99.push(period.p99_ms);
      loss.push(period.loss_percent || null);
      before = began;
    }
    this.outages = outages.map((each) => [
      Date.parse(each.began) / 1000,
      each.ended === null ? null : Date.parse(each.ended) / 1000,
    ]);
    this.span = [since / 1000, until / 1000];
    this.data = [[x, p99, p50], [x, loss]];
    if (this.plots.length === 0) this.make();
    else this.plots.forEach((plot, n) => plot.setData(this.data[n]));
    this.read();
  }

  // Say what is under the cursor, and without one what is last: it is the key to the colours too.
  read(index = this.plots[0]?.cursor.idx ?? null) {
    const [[x, p99, p50], [, loss]] = this.data;
    const n = index ?? x.length - 1;
    const known = n >= 0 && (p50[n] !== null || loss[n] !== null);
    const parts = [
      ["p50", withUnit(p50[n])],
      ["p99", withUnit(p99[n])],
      ["loss", known ? percent(loss[n] ?? 0) : "–"],
    ].map(([name, text]) => el("span", { class: `key-${name}` }, `${name} `, el("b", {}, text)));
    this.readout.replaceChildren(el("time", {}, n >= 0 ? when(x[n] * 1000) : "–"), ...parts);
    if (this.outages.length) this.readout.append(el("span", { class: "key-outage" }, "outage"));
  }

  scale(isLog) {
    this.isLog = isLog;
    this.make();
  }

  fit() {
    const width = this.room.clientWidth;
    for (const plot of this.plots) if (width && plot.width !== width) plot.setSize({ width, height: plot.height });
  }

  make() {
    this.drop();
    const width = this.room.clientWidth;
    if (this.data === null || !width) return;
    this.plots = [this.latency(width), this.loss(width)];
  }

  latency(width) {
    const line = color("--line");
    return new uPlot(
      {
        ...this.shared(width, LATENCY_HEIGHT),
        scales: { x: { time: true, range: () => this.span }, y: this.isLog ? LOG : LINEAR },
        series: [
          {},
          { stroke: color("--band-edge"), width: 1, points: points(4) },
          { stroke: line, width: 2, points: points(5) },
        ],
        bands: [{ series: [1, 2], fill: color("--band") }],
        axes: [
          this.axis({ values: () => [], size: 8, space: 72, ticks: { show: false } }),
          this.axis({ values: milliseconds, size: 58, grid: { filter: decades }, ticks: { filter: decades } }),
        ],
      },
      this.data[0],
      this.room,
    );
  }

  loss(width) {
    return new uPlot(
      {
        ...this.shared(width, LOSS_HEIGHT),
        scales: { x: { time: true, range: () => this.span }, y: { range: (_, low, high) => [0, lossTop(high)] } },
        series: [
          {},
          {
            stroke: color("--bad"),
            fill: color("--bad"),
            width: 0,
            paths: uPlot.paths.bars({ size: [0.9, 14, 2], align: 1 }),
            points: { show: false },
          },
        ],
        axes: [
          this.axis({ values: times, size: 26, space: 72 }),
          this.axis({ values: (_, splits) => splits.map((value) => `${value}%`), size: 58, space: 24 }),
        ],
      },
      this.data[1],
      this.room,
    );
  }

  shared(width, height) {
    return {
      width,
      height,
      padding: [10, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, sync: { key: "time" }, drag: { x: false, y: false }, points: { size: 7 }, focus: { prox: -1 } },
      hooks: {
        drawClear: [(plot) => this.drawOutages(plot)],
        setCursor: [(plot) => plot.cursor.idx !== undefined && this.read(plot.cursor.idx)],
      },
    };
  }

  axis(more) {
    return {
      stroke: color("--dim"),
      font: "12px system-ui, sans-serif",
      gap: 6,
      ...more,
      grid: { stroke: color("--grid"), width: 1, ...more.grid },
      ticks: { stroke: color("--grid"), width: 1, size: 4, ...more.ticks },
    };
  }

  drawOutages(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = color("--outage");
    for (const [began, ended] of this.outages) {
      const left = Math.max(bbox.left, plot.valToPos(began, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(ended ?? this.span[1], "x", true));
      if (right > bbox.left && left < bbox.left + bbox.width) {
        ctx.fillRect(left, bbox.top, Math.max(right - left, 2 * devicePixelRatio), bbox.height);
      }
    }
    ctx.restore();
  }
}

// Single points are drawn, which have no line to either side.
function points(size) {
  return { size, filter: (plot, index) => lone(plot.data[index]) };
}

function lone(values) {
  const found = [];
  values.forEach((value, n) => {
    if (value !== null && (values[n - 1] ?? null) === null && (values[n + 1] ?? null) === null) found.push(n);
  });
  return found.length ? found : null;
}

function lossTop(high) {
  return [1, 5, 10, 25, 50].find((top) => high <= top) ?? 100;
}

const shortest = (value) => String(Number(value.toPrecision(6)));

// Of each decade its beginning alone, where the scale is a logarithmic one.
function decades(plot, splits) {
  if (plot.scales.y.distr !== 3) return splits;
  return splits.map((value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? value : null));
}

function milliseconds(plot, splits) {
  if (plot.scales.y.distr === 3) {
    return decades(plot, splits).map((value) => (value === null ? "" : value < 1000 ? `${shortest(value)} ms` : `${shortest(value / 1000)} s`));
  }
  if (splits.at(-1) >= 2000) return splits.map((value) => `${shortest(value / 1000)} s`);
  const step = splits.length > 1 ? splits[1] - splits[0] : 1;
  const places = Math.min(4, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return splits.map((value) => `${value.toFixed(places)} ms`);
}

const two = (value) => String(value).padStart(2, "0");

function times(_, splits, __, ___, step) {
  let day = null;
  return splits.map((value) => {
    const at = new Date(value * 1000);
    const date = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    if (step >= 86400) return date;
    const time = `${two(at.getHours())}:${two(at.getMinutes())}${step < 60 ? `:${two(at.getSeconds())}` : ""}`;
    const isNew = day !== null && day !== date;
    day = date;
    return isNew ? date : time;
  });
}
