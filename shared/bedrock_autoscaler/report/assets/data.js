"use strict";

// Reads the parts of a review: from the page itself, or in a live one from its server.
const Data = (() => {
  const bytesOf = (text) =>
    Uint8Array.fromBase64
      ? Uint8Array.fromBase64(text)
      : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  async function unpack(text) {
    const packed = new Blob([bytesOf(text.trim())]).stream();
    return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  }

  const parsed = (buffer) => JSON.parse(new TextDecoder().decode(buffer));

  async function part(review, name) {
    if (!review.live) return document.getElementById(name).textContent;
    const answer = await fetch(`data/${name}?version=${review.version}`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status} for ${name}`);
    return answer.text();
  }

  // Gaps are NaN in the file and null for the charts.
  function columnOf(floats, first, length) {
    const column = new Array(length);
    for (let k = 0; k < length; k += 1) {
      const value = floats[first + k];
      column[k] = Number.isNaN(value) ? null : value;
    }
    return column;
  }

  async function load(review, number) {
    const head = review.targets[number];
    const [series, decisions] = await Promise.all([
      part(review, `series-${number}`).then(unpack),
      part(review, `decisions-${number}`).then(unpack).then(parsed),
    ]);
    const floats = new Float32Array(series);
    const times = Array.from({ length: head.minutes }, (_, k) => head.start + 60 * k);
    const named = {};
    review.series.forEach((name, k) => {
      named[name] = columnOf(floats, k * head.minutes, head.minutes);
    });
    return new Target(review, number, head, times, named, decisions);
  }

  class Target {
    constructor(review, number, head, times, series, table) {
      Object.assign(this, { review, number, head, times, series, table });
      this.blocks = new Map();
      this.names = review.codes;
    }

    get length() {
      return this.table.at.length;
    }
    time(k) {
      return this.head.start + 60 * this.table.at[k];
    }
    loop(k) {
      return this.review.loops[this.table.loop[k]];
    }
    kind(k) {
      return this.review.kinds[this.table.kind[k]];
    }
    // Whether it changes something that the decision before it of its loop did not.
    isChange(k) {
      return this.table.new[k] === 1;
    }
    text(k) {
      return this.table.texts[this.table.text[k]];
    }
    why(k) {
      return this.table.whys[this.table.why[k]];
    }
    trafficClass(k) {
      return this.table.classes[this.table.class[k]];
    }
    verdict(k) {
      return this.table.verdicts[this.table.verdict[k]];
    }
    codes(k) {
      return this.table.sets[this.table.set[k]];
    }

    id(k) {
      const at = new Date(1000 * this.time(k)).toISOString();
      return `${this.head.name}-${this.loop(k)}-${at.slice(0, 19).replace(/[-:]/g, "")}Z`;
    }

    heldAt(time) {
      const row = Math.min(
        Math.max(Math.floor((time - this.head.start) / 60), 0),
        this.head.minutes - 1,
      );
      return this.series.held[row] || 0;
    }

    // The first of the sorted `order` at or after a time.
    firstAt(order, time) {
      let low = 0;
      let high = order.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.time(order[middle]) < time) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    async evidence(k) {
      const size = this.review.block;
      const block = Math.floor(k / size);
      if (!this.blocks.has(block)) {
        const name = `evidence-${this.number}-${block}`;
        this.blocks.set(block, part(this.review, name).then(unpack).then(parsed));
      }
      return (await this.blocks.get(block))[k - block * size];
    }

    // Spans of one class: [from, until, class], as the capacity loop told it.
    get bands() {
      if (this.knownBands) return this.knownBands;
      const bands = [];
      const end = this.head.start + 60 * this.head.minutes;
      for (let k = 0; k < this.length; k += 1) {
        const name = this.trafficClass(k);
        if (!name) continue;
        const last = bands.at(-1);
        if (last && last[2] === name) continue;
        if (last) last[1] = this.time(k);
        bands.push([this.time(k), end, name]);
      }
      this.knownBands = bands;
      return bands;
    }
  }

  async function open() {
    const review = JSON.parse(document.getElementById("review").textContent);
    if (!review.live) return review;
    const answer = await fetch("data/review");
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  return { open, load };
})();

// An element with attributes and children; text is always set as text.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const Say = {
  usd: (value) =>
    value === null || value === undefined
      ? "–"
      : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  share: (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(2)}%`),
  units: (value) => (value === 1 ? "1 unit" : `${value} units`),
  count: (value) => value.toLocaleString("en-US"),
  moment: (time) => new Date(1000 * time).toISOString().slice(0, 16).replace("T", " "),
  colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
};
