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
  (layout.annotations ?? []).forEach((_, index) => (changes[`annotations[${index}].font.color`] = ink));
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

// Quality against seconds, operations or images: the figure brings its other axes along.
function switchAxes() {
  const plot = document.querySelector("#quality .plot");
  if (!plot) return;
  const buttons = [...document.querySelectorAll(".switch button")];
  buttons.forEach((button) =>
    button.addEventListener("click", () => {
      const axis = button.dataset.axis;
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      const changes = Object.entries(plot.layout.meta.axes[axis]).map(([key, value]) => [`xaxis.${key}`, value]);
      const across = { x: plot.data.map((trace) => trace.meta.x[axis]) };
      Plotly.update(plot, across, { ...Object.fromEntries(changes), "xaxis.autorange": true });
    }),
  );
}

// One slider moves the samples of all contenders; a point under the pointer does the same.
function scrub() {
  const slider = document.getElementById("point");
  if (!slider) return;
  const last = Number(slider.max);
  function show() {
    const point = Number(slider.value);
    const said = point === 0 ? "untrained" : point === last ? "the end" : `${point} of ${last}`;
    document.querySelector(".scrub output").textContent = said;
    for (const film of document.querySelectorAll(".window")) {
      const cells = Number(film.dataset.cells);
      const cell = Math.min(point, cells - 1);
      film.firstElementChild.style.transform = `translateY(${(-100 * cell) / cells}%)`;
      film.parentElement.querySelector(".when").textContent = JSON.parse(film.dataset.captions)[cell];
    }
  }
  slider.addEventListener("input", show);
  document.querySelector("#quality .plot").on("plotly_hover", (event) => {
    slider.value = event.points[0].pointIndex;
    show();
  });
}

function hideContenders() {
  for (const box of document.querySelectorAll(".chips input")) {
    box.addEventListener("change", () => {
      const name = box.value;
      for (const part of document.querySelectorAll("[data-contender]")) {
        if (part.dataset.contender === name) part.hidden = !box.checked;
      }
      for (const plot of document.querySelectorAll(".plot")) {
        const own = (plot.data ?? []).flatMap((trace, index) => (trace.meta?.contender === name ? [index] : []));
        if (own.length) Plotly.restyle(plot, { visible: box.checked }, own);
      }
    });
  }
}

// A click on a heading sorts, another the other way round; what has no number goes last.
function sortTables() {
  for (const table of document.querySelectorAll("table.headline")) {
    const headings = [...table.querySelectorAll("thead th")];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const upwards = heading.getAttribute("aria-sort") !== "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", upwards ? "ascending" : "descending");
        const value = (row) => {
          const cell = row.cells[column];
          if (column === 0) return cell.textContent.trim();
          return cell.dataset.value === "" ? null : Number(cell.dataset.value);
        };
        const rows = [...table.tBodies[0].rows].sort((one, other) => {
          const [a, b] = [value(one), value(other)];
          if (a === null || b === null) return (a === null) - (b === null);
          return (a < b ? -1 : a > b ? 1 : 0) * (upwards ? 1 : -1);
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
}

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
enlargePictures();
sortTables();
hideContenders();
drawFigures().then(switchAxes).then(scrub).catch((error) => {
  for (const plot of document.querySelectorAll(".plot")) plot.textContent = `This browser cannot draw the figure (${error}).`;
});
