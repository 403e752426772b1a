"use strict";

// Below the demand: the classes, and a tick for each decision of both loops.
class Strip {
  constructor(charts) {
    this.charts = charts;
    this.target = charts.target;
    this.canvas = document.getElementById("strip");
    this.canvas.onclick = (event) => this.pick(event);
  }

  // Where the charts above it have their x axis.
  get frame() {
    const { bbox } = this.charts.plots[0];
    return { left: bbox.left / devicePixelRatio, width: bbox.width / devicePixelRatio };
  }

  // Lanes from top to bottom: classes, capacity decisions, routing decisions.
  draw() {
    if (!this.charts.plots.length) return;
    const { canvas } = this;
    const { selected, span, width: whole } = this.charts;
    const ratio = devicePixelRatio;
    canvas.width = whole * ratio;
    canvas.height = 72 * ratio;
    canvas.style.height = "72px";
    canvas.style.width = `${whole}px`;
    const ctx = canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    const { left, width } = this.frame;
    const [min, max] = span;
    const at = (time) => left + (width * (time - min)) / (max - min);
    ctx.font = "11px system-ui, sans-serif";
    ctx.textBaseline = "middle";
    ctx.textAlign = "right";
    ctx.fillStyle = Say.colour("soft");
    ["class", "capacity", "routing"].forEach((name, lane) =>
      ctx.fillText(name, left - 6, 11 + 24 * lane),
    );
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, width, 72);
    ctx.clip();
    this.drawBands(ctx, at, left, width);
    this.drawTicks(ctx, at, width);
    if (selected !== null) {
      ctx.fillStyle = Say.colour("accent");
      ctx.fillRect(at(this.target.time(selected)) - 1, 0, 2, 72);
    }
    ctx.restore();
  }

  drawBands(ctx, at, left, width) {
    ctx.textAlign = "left";
    for (const [from, until, name] of this.target.bands) {
      const start = Math.max(at(from), left);
      const length = Math.min(at(until), left + width) - start;
      if (length <= 0) continue;
      ctx.globalAlpha = 0.35;
      ctx.fillStyle = Say.colour(`class-${name}`);
      ctx.fillRect(start, 2, length, 18);
      ctx.globalAlpha = 1;
      ctx.fillStyle = Say.colour("ink");
      if (ctx.measureText(name).width + 8 < length) ctx.fillText(name, start + 4, 11.5);
    }
  }

  // A tick for each decision that passes the filter; changes are taller and lie over holds.
  drawTicks(ctx, at, width) {
    const shown = [...this.charts.inSpan()];
    const thick = Math.min(Math.max((0.4 * width) / shown.length, 0.5), 2);
    const changes = [];
    const drawn = [-1, -1];
    ctx.fillStyle = Say.colour("hold");
    for (const k of shown) {
      if (this.target.isChange(k)) {
        changes.push(k);
        continue;
      }
      const lane = this.target.table.loop[k];
      const x = Math.round(2 * at(this.target.time(k))) / 2;
      if (drawn[lane] === x) continue;
      drawn[lane] = x;
      ctx.fillRect(x, this.laneTop(k) + 5, thick, 8);
    }
    for (const k of changes) {
      ctx.fillStyle = Say.colour(this.target.kind(k));
      ctx.fillRect(at(this.target.time(k)) - 0.75, this.laneTop(k), 1 + thick, 18);
    }
  }

  laneTop(k) {
    return this.target.loop(k) === "capacity" ? 26 : 50;
  }

  pick(event) {
    const { span } = this.charts;
    const { left, width } = this.frame;
    const share = (event.offsetX - left) / width;
    const lane = event.offsetY < 48 ? "capacity" : "routing";
    this.charts.pickNear(span[0] + share * (span[1] - span[0]), width, lane);
  }
}
