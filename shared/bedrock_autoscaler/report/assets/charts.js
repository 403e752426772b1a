"use strict";

// Three charts over one span of time, and between them a strip of classes and decisions.
class Charts {
  constructor(target, { order, onPick, onSpan }) {
    this.target = target;
    this.onPick = onPick;
    this.onSpan = onSpan;
    this.order = order;
    this.selected = null;
    this.paper = null;
    this.plots = [];
    this.all = [target.times[0], target.times[target.times.length - 1]];
    this.span = [...this.all];
    this.strip = new Strip(this);
    this.draw();
  }

  // As wide as its place, or as paper is.
  get width() {
    if (this.paper) return this.paper;
    const box = document.getElementById("charts");
    const style = getComputedStyle(box);
    return Math.max(
      box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      200,
    );
  }

  get gutter() {
    return this.width < 600 ? 54 : 62;
  }

  destroy() {
    this.plots.forEach((plot) => plot.destroy());
    this.plots = [];
  }

  draw() {
    this.destroy();
    const { series } = this.target;
    const { stepped } = uPlot.paths;
    const step = stepped({ align: 1 });
    const line = (label, name, more = {}) => ({
      label,
      stroke: Say.colour(name),
      width: 1.25,
      points: { show: false },
      value: (_, value) =>
        value === null || value === undefined ? "–" : Say.count(Number(value.toPrecision(5))),
      ...more,
    });
    const tinted = (name) => `${Say.colour(name)}33`;
    this.plots = [
      this.plot(
        "chart-demand",
        230,
        [series.demand, series.in_service, series.held],
        [
          line("demand", "demand", { width: 1, fill: tinted("demand") }),
          line("in service", "service", { width: 2, paths: step }),
          line("held and paid", "held", { dash: [3, 3], paths: step }),
        ],
        { drawClear: [(plot) => this.drawBands(plot)], draw: [(plot) => this.drawMarks(plot)] },
      ),
      this.plot(
        "chart-throttles",
        110,
        [series.throttles],
        [line("throttled attempts", "throttled", { width: 1, fill: tinted("throttled") })],
      ),
      this.plot(
        "chart-cost",
        170,
        [series.paid, series.units_paid, series.reference],
        [
          line("paid", "paid", { width: 2 }),
          line("of it for units", "units"),
          line("all on demand", "reference", { dash: [6, 3] }),
        ],
      ),
    ];
    this.strip.draw();
  }

  plot(id, height, columns, series, hooks = {}) {
    const place = document.getElementById(id);
    place.replaceChildren();
    const axis = {
      stroke: Say.colour("soft"),
      grid: { stroke: Say.colour("line"), width: 1 },
      ticks: { stroke: Say.colour("line") },
    };
    const options = {
      width: this.width,
      height,
      series: [
        { value: (_, time) => (time ? `${Say.moment(time)} UTC` : "point at a minute") },
        ...series,
      ],
      tzDate: (time) => uPlot.tzDate(new Date(1000 * time), "Etc/UTC"),
      scales: {
        x: { min: this.span[0], max: this.span[1] },
        y: { range: (_, low, high) => [0, high > 0 ? 1.08 * high : 1] },
      },
      axes: [
        {
          ...axis,
          values: (_, ticks, __, ___, apart) => this.sayTicks(ticks, apart),
          size: (_, told) => (told?.some((text) => text.includes("\n")) ? 56 : 38),
        },
        { ...axis, size: this.gutter, values: (_, ticks) => ticks.map((tick) => Say.count(tick)) },
      ],
      cursor: { sync: { key: "review" }, drag: { x: true, y: false }, points: { size: 5 } },
      padding: [8, 8, 0, 0],
      hooks: {
        ...hooks,
        draw: [...(hooks.draw || []), (plot) => this.drawChosen(plot)],
        setScale: [
          (plot, key) => {
            if (key === "x") this.follow(plot);
          },
        ],
        ready: [(plot) => this.listen(plot)],
      },
    };
    return new uPlot(options, [this.target.times, ...columns], place);
  }

  // Days where ticks are days apart; else hours, with the day below midnight and the first tick.
  sayTicks(ticks, apart) {
    return ticks.map((time, place) => {
      const at = new Date(1000 * time);
      const day = at.toLocaleDateString("en-GB", {
        day: "numeric",
        month: "short",
        timeZone: "UTC",
      });
      if (apart >= 86400) return day;
      const hour = at.toISOString().slice(11, 16);
      return place === 0 || hour === "00:00" ? `${hour}\n${day}` : hour;
    });
  }

  listen(plot) {
    let pressed = null;
    plot.over.addEventListener("mousedown", (event) => {
      pressed = event.clientX;
    });
    plot.over.addEventListener("click", (event) => {
      if (pressed === null || Math.abs(event.clientX - pressed) > 3) return;
      this.pickNear(plot.posToVal(event.offsetX, "x"), plot.over.clientWidth);
    });
  }

  // One chart was zoomed: the others and the strip show the same span.
  follow(plot) {
    if (this.following || !this.plots.includes(plot)) return;
    const { min, max } = plot.scales.x;
    if (min === null || max === null) return;
    this.following = true;
    this.span = [min, max];
    this.plots.forEach((other) => {
      if (other !== plot) other.setScale("x", { min, max });
    });
    this.following = false;
    this.strip.draw();
    this.onSpan(this.span);
  }

  show(min, max) {
    const [first, last] = this.all;
    const length = Math.min(Math.max(max - min, 600), last - first);
    const start = Math.min(Math.max(min, first), last - length);
    this.plots[0].setScale("x", { min: start, max: start + length });
  }

  zoom(factor) {
    const middle = (this.span[0] + this.span[1]) / 2;
    const half = ((this.span[1] - this.span[0]) / 2) * factor;
    this.show(middle - half, middle + half);
  }

  step(direction) {
    const by = direction * (this.span[1] - this.span[0]) * 0.5;
    this.show(this.span[0] + by, this.span[1] + by);
  }

  setOrder(order) {
    this.order = order;
    this.redraw();
  }

  select(k) {
    this.selected = k;
    if (k !== null) {
      const time = this.target.time(k);
      const [min, max] = this.span;
      if (time < min || time > max) this.show(time - (max - min) / 2, time + (max - min) / 2);
    }
    this.redraw();
  }

  redraw() {
    this.plots.forEach((plot) => plot.redraw(false, false));
    this.strip.draw();
  }

  resize() {
    this.plots.forEach((plot) => {
      plot.setSize({ width: this.width, height: plot.height });
    });
    this.strip.draw();
  }

  // -- drawing -------------------------------------------------------------------------------

  drawBands(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.globalAlpha = 0.09;
    for (const [from, until, name] of this.target.bands) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(plot.valToPos(until, "x", true), bbox.left + bbox.width);
      if (right <= left) continue;
      ctx.fillStyle = Say.colour(`class-${name}`);
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  // Purchases, releases and restores stand at the height of the units held.
  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const size = (this.width < 600 ? 3.5 : 5) * devicePixelRatio;
    const shapes = { buy: -1, release: 1, restore: 0 };
    ctx.save();
    ctx.setLineDash([]);
    for (const k of this.inSpan()) {
      const way = shapes[this.target.kind(k)];
      if (way === undefined || !this.target.isChange(k)) continue;
      const time = this.target.time(k);
      const x = plot.valToPos(time, "x", true);
      const held = Math.max(this.target.heldAt(time), this.target.heldAt(time + 1800));
      const y = Math.max(plot.valToPos(held, "y", true), bbox.top + size);
      ctx.fillStyle = Say.colour(this.target.kind(k));
      ctx.strokeStyle = Say.colour("panel");
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      if (way === 0) ctx.rect(x - size * 0.8, y - size * 0.8, 1.6 * size, 1.6 * size);
      else {
        ctx.moveTo(x, y + way * size);
        ctx.lineTo(x - size, y - way * size);
        ctx.lineTo(x + size, y - way * size);
        ctx.closePath();
      }
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  drawChosen(plot) {
    if (this.selected === null) return;
    const x = plot.valToPos(this.target.time(this.selected), "x", true);
    const { ctx, bbox } = plot;
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = Say.colour("accent");
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  *inSpan() {
    const first = this.target.firstAt(this.order, this.span[0]);
    for (let place = first; place < this.order.length; place += 1) {
      if (this.target.time(this.order[place]) > this.span[1]) return;
      yield this.order[place];
    }
  }

  // -- picking -------------------------------------------------------------------------------

  // The nearest decision; within some pixels a change goes before a hold.
  pickNear(time, width, lane = null) {
    const reach = (8 * (this.span[1] - this.span[0])) / width;
    let best = null;
    let least = Infinity;
    for (const k of this.inSpan()) {
      if (lane && this.target.loop(k) !== lane) continue;
      const apart = Math.abs(this.target.time(k) - time);
      const isChange = this.target.isChange(k);
      const rank = apart <= reach && isChange ? apart - reach : apart;
      if (rank < least) {
        least = rank;
        best = k;
      }
    }
    if (best !== null) this.onPick(best);
  }
}
