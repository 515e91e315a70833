// Runs within a copy of the page: what is too wide, what overlaps, what the script does.
(function () {
  "use strict";
  const found = [];
  const say = (text) => found.push(text);
  const all = (query) => Array.from(document.querySelectorAll(query));
  const shown = (element) => element.getClientRects().length > 0;
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) say(`page of ${root.scrollWidth} in ${root.clientWidth}`);
  const inner = "h1,h2,p,li,pre,td,th,.figure *,.plan *,.node span:not(.name),.noise span,footer";
  for (const each of all(inner).filter(shown)) {
    const box = each.getBoundingClientRect();
    if (box.right > root.clientWidth + 1) say(`beyond the page: ${each.textContent.slice(0, 60)}`);
    if (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display === "block")
      say(`cut: ${each.className} ${each.textContent.slice(0, 60)}`);
  }
  for (const name of all(".node .name")) if (name.scrollWidth > name.clientWidth) say(`cut: ${name.textContent}`);
  for (const svg of all("svg")) {
    const whole = svg.getBoundingClientRect();
    const texts = Array.from(svg.querySelectorAll("text")).filter(shown).map((t) => [t, t.getBoundingClientRect()]);
    for (const [text, box] of texts) {
      if (box.left < whole.left - 1 || box.right > whole.right + 1) say(`beyond its drawing: ${text.textContent}`);
      for (const [other, at] of texts) {
        const apart = box.right <= at.left || at.right <= box.left || box.bottom <= at.top + 2 || at.bottom <= box.top + 2;
        if (text !== other && !apart) say(`${text.textContent} over ${other.textContent}`);
      }
    }
  }
  const sort = document.getElementById("sort");
  sort.value = "4";
  sort.dispatchEvent(new Event("change"));
  const macs = all("#rows tr").map((row) => Number(row.cells[4].dataset.v));
  if (macs.some((each, i) => i && each > macs[i - 1])) say(`not sorted: ${macs}`);
  const box = all("#stage .box").find((each) => each.dataset.made !== "-1" && each.dataset.read !== "");
  if (box) {
    box.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const lit = all(".band.lit").map((band) => band.dataset.step).sort();
    const wanted = [...new Set([box.dataset.made, ...box.dataset.read.split(" ")])].sort();
    if (String(lit) !== String(wanted)) say(`lit ${lit}, not ${wanted}`);
    if (!document.getElementById("picked").textContent.includes("made by")) say("nothing is said of the buffer");
  }
  const color = document.getElementById("color");
  for (const option of color.options) {
    color.value = option.value;
    color.dispatchEvent(new Event("change"));
  }
  window.parent.postMessage({ name: window.name, found: [...window.faults, ...found] }, "*");
})();
