"use strict";
const root = document.documentElement;
const plots = [...document.querySelectorAll("[data-figure]")];
const dark = matchMedia("(prefers-color-scheme: dark)");
const PAPER = 640; // pixels that fit on A4 and Letter

// A text that begins with two dashes is the name of a CSS variable.
function themed(value, style) {
  if (typeof value === "string") return value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
  if (Array.isArray(value)) return value.map((item) => themed(item, style));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, themed(item, style)]));
}

function draw(plot, width) {
  const figure = themed(JSON.parse(plot.dataset.figure), getComputedStyle(root));
  const layout = width ? { ...figure.layout, width: Math.min(width, plot.clientWidth) } : figure.layout;
  return Plotly.react(plot, figure.data, layout, { displayModeBar: false, responsive: true });
}

function onPaper(isOnPaper) {
  root.classList.toggle("paper", isOnPaper);
  plots.forEach((plot) => draw(plot, isOnPaper ? PAPER : 0));
}

// One at a time, so that a page with many figures can be read meanwhile.
async function drawAll() {
  for (const plot of plots) {
    await draw(plot);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

// For browsers in which a style sheet cannot unfold what is folded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));

if (window.Plotly) {
  drawAll();
  dark.addEventListener("change", drawAll);
  addEventListener("beforeprint", () => onPaper(true));
  addEventListener("afterprint", () => onPaper(false));
} else {
  root.classList.add("bare");
}
