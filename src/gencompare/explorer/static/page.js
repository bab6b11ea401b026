// The explorer's page. It asks only the server that it comes from.
import { blindTest } from "/static/blind.js";
import { ask, element, savePicture } from "/static/parts.js";

const $ = (id) => document.getElementById(id);
const COUNT = { images: 8, film: 6 };
const view = $("view");
const frame = $("frame");
let trained = [];
let shown = "images";
let films = []; // functions that show a frame
let latest = 0; // number of the newest drawing; what earlier ones asked for is dropped
let timer = null;

const here = () => trained.filter((one) => `${one.comparison}/${one.image_set}` === $("group").value);
const title = (one) => (here().filter((other) => other.contender === one.contender).length > 1 ? `${one.contender}, seed ${one.seed}` : one.contender);

function wish(one) {
  const given = { id: one.id, seed: $("seed").value || 0 };
  if (one.classes.length && $("label").value !== "") given.label = $("label").value;
  if (one.steps && +$("steps").value > 0) given.steps = $("steps").value;
  if (one.guidance !== null && +$("guidance").value >= 0) given.guidance = $("guidance").value;
  return given;
}

function describe(one) {
  const steps = one.steps && (+$("steps").value || one.steps);
  const guided = one.guidance !== null && (+$("guidance").value >= 0 ? +$("guidance").value : one.guidance);
  const sampler = shown === "walk" ? one.walks_by : one.sampler;
  const parts = [one.family, sampler !== "latent" && sampler, steps && `${steps} steps`, guided !== false && `guidance ${guided}`];
  return parts.filter(Boolean).join(" · ");
}

function row(one, kind) {
  const tiles = element("div", { class: `tiles busy ${kind}` });
  const save = element("button", { type: "button", title: "Save as PNG", text: "PNG ↓", hidden: "" });
  const box = element("article", { class: "row", style: `--colour:${one.colour}`, "data-contender": one.contender }, [
    element("div", {}, [element("h2", { text: title(one) }), element("p", { text: describe(one) })]), tiles, save,
  ]);
  return { box, tiles, save };
}

async function fill(one, place, number) {
  const drawers = { images: fillImages, walk: fillWalk, film: fillFilm };
  try {
    await drawers[shown](one, place, number);
  } catch (error) {
    if (number === latest) place.tiles.replaceChildren(element("p", { class: "error", text: error.message }));
  }
  if (number === latest) place.tiles.classList.remove("busy");
}

async function fillImages(one, { tiles, save }, number) {
  const given = wish(one);
  const images = await ask("images", { ...given, n: COUNT.images });
  if (number !== latest) return;
  tiles.replaceChildren(...images.map((source, index) => {
    const button = element("button", { type: "button", "aria-label": `Image ${index + 1} of ${title(one)}` }, [element("img", { src: source, alt: "" })]);
    button.onclick = () => lookCloser(one, given, source, index);
    return button;
  }));
  save.hidden = false;
  save.onclick = () => savePicture(images, `${one.contender}-seed${given.seed}.png`);
}

async function fillWalk(one, { tiles, save }, number) {
  const frames = await ask("walk", wish(one));
  if (number !== latest) return;
  const [first, now, last] = [frames[0], frames[0], frames.at(-1)].map((src) => element("img", { src, alt: "" }));
  tiles.replaceChildren(first, now, last);
  addFilm((index) => (now.src = frames[index]));
  save.hidden = false;
  save.onclick = () => savePicture(frames, `${one.contender}-walk-seed${$("seed").value}.png`, frames.length);
}

async function fillFilm(one, { tiles, save }, number) {
  const made = await ask("film", { ...wish(one), n: COUNT.film });
  if (number !== latest) return;
  const images = made.map((frames) => element("img", { src: frames.at(-1), alt: "" }));
  tiles.replaceChildren(...images);
  addFilm((index) => images.forEach((image, place) => (image.src = made[place][index])));
  save.hidden = false;
  save.onclick = () => savePicture(made.flat(), `${one.contender}-film-seed${$("seed").value}.png`, made[0].length);
}

function addFilm(show) {
  films.push(show);
  show(+frame.value);
}

async function draw() {
  const number = ++latest;
  films = [];
  showControls();
  if (shown === "blind") {
    await blindTest(view, $("group").value, here(), title);
    return;
  }
  const places = here().map((one) => [one, row(one, shown)]);
  view.replaceChildren(element("div", { class: "rows" }, places.map(([, place]) => place.box)));
  for (const [one, place] of places) {
    if (number !== latest) return;
    await fill(one, place, number);
  }
  if (number === latest) view.dataset.drawn = shown;
}

function soon() {
  delete view.dataset.drawn;
  showControls();
  clearTimeout(timer);
  timer = setTimeout(draw, 200);
}

function showControls() {
  const some = here();
  const has = { label: some.some((one) => one.classes.length), steps: some.some((one) => one.steps), guidance: some.some((one) => one.guidance !== null) };
  for (const label of document.querySelectorAll("[data-for]")) label.hidden = !has[label.dataset.for];
  $("controls").hidden = shown === "blind";
  $("scrub").hidden = $("play").hidden = !["walk", "film"].includes(shown);
  $("scrub").firstChild.data = shown === "film" ? "From noise to image " : "From one image to another ";
  document.querySelector("output[for=steps]").value = +$("steps").value ? $("steps").value : "as set";
  document.querySelector("output[for=guidance]").value = +$("guidance").value >= 0 ? $("guidance").value : "as set";
  for (const tab of document.querySelectorAll("[role=tab]")) tab.setAttribute("aria-selected", tab.dataset.view === shown);
}

function fillClasses() {
  const classes = here().find((one) => one.classes.length)?.classes ?? [];
  $("label").replaceChildren(element("option", { value: "", text: "as scored" }), ...classes.map((name, number) => element("option", { value: number, text: name })));
}

async function lookCloser(one, given, source, index) {
  const dialog = $("closer");
  dialog.querySelector(".big img").src = source;
  dialog.querySelector("figcaption").textContent = `${title(one)}, seed ${given.seed}, image ${index + 1}`;
  Object.assign($("save-one"), { href: source, download: `${one.contender}-seed${given.seed}-${index}.png` });
  $("near").replaceChildren(element("p", { text: "Looking…" }));
  dialog.showModal();
  try {
    const near = await ask("nearest", { ...given, index });
    $("near").replaceChildren(...near.map((src) => element("img", { src, alt: "A training image" })));
  } catch (error) {
    $("near").replaceChildren(element("p", { class: "error", text: error.message }));
  }
}

let playing = null;
function play() {
  clearInterval(playing);
  const start = $("play").textContent === "▶";
  $("play").textContent = start ? "❚❚" : "▶";
  $("play").ariaLabel = start ? "Pause" : "Play";
  if (start) playing = setInterval(() => { frame.value = (+frame.value + 1) % (+frame.max + 1); scrub(); }, 110);
}
const scrub = () => films.forEach((show) => show(+frame.value));

async function start() {
  trained = await ask("trained");
  const groups = [...new Set(trained.map((one) => `${one.comparison}/${one.image_set}`))];
  $("group").replaceChildren(...groups.map((name) => element("option", { value: name, text: name.replace("/", " on ") })));
  if (!groups.length) {
    $("controls").hidden = true;
    view.replaceChildren(element("p", { class: "empty", text: "Nothing is trained yet. Run a comparison first: kedro run --pipeline=gan_compare" }));
    return;
  }
  $("group").onchange = () => { fillClasses(); soon(); };
  for (const id of ["seed", "label", "steps", "guidance"]) $(id).oninput = soon;
  $("controls").onsubmit = (event) => event.preventDefault();
  $("dice").onclick = () => { $("seed").value = Math.floor(Math.random() * 1e6); soon(); };
  $("play").onclick = play;
  frame.oninput = scrub;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.onclick = () => { shown = tab.dataset.view; frame.value = shown === "film" ? frame.max : 0; delete view.dataset.drawn; draw(); };
  }
  fillClasses();
  draw();
}

start().catch((error) => view.replaceChildren(element("p", { class: "error", text: error.message })));
