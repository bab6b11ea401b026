"use strict";

// Plotly comes packed in the page: unpack it, then draw every figure.
async function unpackPlotly() {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

function themed(layout, printing) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const [ink, grid] = printing ? ["#1b1f24", "#e6e8eb"] : [colour("--ink"), colour("--plot-grid")];
  const changes = { paper_bgcolor: "transparent", plot_bgcolor: "transparent", "font.color": ink };
  for (const key of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) {
    for (const part of ["gridcolor", "linecolor", "tickcolor"]) changes[`${key}.${part}`] = grid;
  }
  return changes;
}

async function drawFigures() {
  await unpackPlotly();
  const plots = [...document.querySelectorAll(".plot")];
  for (const plot of plots) {
    const figure = JSON.parse(plot.querySelector("script").textContent);
    await Plotly.newPlot(plot, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }
  const repaint = (printing) => plots.forEach((plot) => Plotly.relayout(plot, themed(plot.layout, printing)));
  repaint(false);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint(false));
  matchMedia("print").addEventListener("change", (media) => {
    repaint(media.matches);
    plots.forEach((plot) => Plotly.Plots.resize(plot));
  });
  document.documentElement.dataset.drawn = "true";
}

function enlargePictures() {
  const dialog = document.getElementById("enlarged");
  if (!dialog) return; // a page without pictures
  const image = dialog.querySelector("img");
  const pictures = [...document.querySelectorAll(".picture")];
  let shown = 0;

  function show(index) {
    shown = (index + pictures.length) % pictures.length;
    const small = pictures[shown].querySelector("img");
    image.src = small.src;
    image.alt = small.alt;
    image.className = small.className;
    dialog.querySelector(".title").textContent = pictures[shown].dataset.title;
    if (!dialog.open) dialog.showModal();
    image.style.width = `${small.naturalWidth * enlargement(small)}px`;
  }

  // Whole multiples keep pixels square: the largest that fits the window, but at least twice what the page shows.
  function enlargement(small) {
    const fits = Math.min((innerWidth - 48) / small.naturalWidth, (innerHeight - 120) / small.naturalHeight);
    return Math.max(1, Math.floor(fits), Math.round((2 * small.width) / small.naturalWidth));
  }

  pictures.forEach((picture, index) => picture.addEventListener("click", () => show(index)));
  dialog.querySelector(".previous").addEventListener("click", () => show(shown - 1));
  dialog.querySelector(".next").addEventListener("click", () => show(shown + 1));
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) show(shown + step);
  });
  dialog.addEventListener("click", (event) => event.target.closest("form, img") || dialog.close());
  dialog.addEventListener("close", () => pictures[shown].focus());
}

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
enlargePictures();
drawFigures().catch((error) => {
  for (const plot of document.querySelectorAll(".plot")) plot.textContent = `This browser cannot draw the figure (${error}).`;
});
