// The blind test: pictures without names, a vote, the truth, and what all votes have come to.
import { ask, element } from "/static/parts.js";

const WORDS = {
  real: { ask: "Which one is real?", hint: "One was photographed or drawn, one was made up." },
  better: { ask: "Which ones are better?", hint: "Two models, nine samples each." },
};
const percent = (share) => `${Math.round(100 * share)} %`;
let kind = "real";

export async function blindTest(view, group, contenders, title) {
  const names = Object.fromEntries(contenders.map((one) => [one.id, title(one)]));
  const question = element("section", { class: "blind" });
  const table = element("div", { class: "wide" });
  view.replaceChildren(question, table);
  await Promise.all([drawQuestion(question, table, group, contenders, names), drawScores(table, group, contenders, names)]);
  view.dataset.drawn = "blind";
}

async function drawQuestion(question, table, group, contenders, names) {
  const again = () => drawQuestion(question, table, group, contenders, names);
  const kinds = element("div", { class: "kinds", role: "group", "aria-label": "The question" }, Object.entries(WORDS).map(([name, words]) => {
    const button = element("button", { type: "button", "data-kind": name, "aria-pressed": name === kind, text: words.ask });
    button.onclick = () => { kind = name; again(); };
    return button;
  }));
  const verdict = element("p", { class: "verdict", text: `${WORDS[kind].hint} Click, or press ← or →.` });
  let asked;
  try {
    asked = await ask("question", { group, kind });
  } catch (error) {
    question.replaceChildren(kinds, element("p", { class: "error", text: error.message }));
    return;
  }
  const sides = asked.sides.map((images, side) => {
    const sheet = element("span", { class: "sheet", style: `--columns:${Math.sqrt(images.length)}` }, images.map((src) => element("img", { src, alt: "" })));
    const button = element("button", { type: "button", class: "side", "aria-label": side ? "The right one" : "The left one" }, [sheet, element("b", { text: "" })]);
    button.onclick = () => vote(side);
    return button;
  });
  question.replaceChildren(kinds, element("p", { class: "ask", text: WORDS[kind].ask }), element("div", { class: "sides" }, sides), verdict);
  document.onkeydown = (event) => {
    if (!question.isConnected) return;
    const side = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
    if (side >= 0 && !/INPUT|SELECT/.test(event.target.tagName)) { event.preventDefault(); sides[side].click(); }
  };

  async function vote(side) {
    sides.forEach((one) => (one.onclick = null)); // one vote, however often it is clicked
    let truth;
    try {
      truth = await ask("vote", {}, { token: asked.token, side });
    } catch (error) {
      verdict.replaceChildren(element("span", { class: "error", text: error.message }), " Click again for another one.");
      return;
    } finally {
      sides.forEach((one) => (one.onclick = again)); // the next click, or key, goes on
    }
    sides[side].dataset.chosen = "";
    truth.sides.forEach((name, place) => (sides[place].querySelector("b").textContent = name === "real" ? "real" : names[name]));
    const right = truth.chosen === "real";
    const told = kind === "better" ? `You prefer ${names[truth.chosen]}.` : right ? "Right." : `Fooled, by ${names[truth.chosen]}.`;
    const mood = kind === "better" ? "" : right ? "good" : "alarm";
    verdict.replaceChildren(element("span", { class: mood, text: told }), " Click again for the next.");
    await drawScores(table, group, contenders, names);
  }
}

function bar(found, words, middle = true) {
  if (!found) return element("td", {}, [element("small", { text: "no votes yet" })]);
  const [low, value, high] = [found.low, found.value, found.high].map((share) => `${100 * share}%`);
  const drawn = element("div", { class: "bar", title: `95% interval: ${percent(found.low)} to ${percent(found.high)}` }, [
    element("i", { style: `left:${low};width:calc(${high} - ${low})` }), ...(middle ? [element("u")] : []), element("b", { style: `left:${value}` }),
  ]);
  return element("td", {}, [drawn, element("small", { text: `${percent(found.value)} (${percent(found.low)} to ${percent(found.high)}), ${words}` })]);
}

async function drawScores(table, group, contenders, names) {
  let found;
  try {
    found = await ask("scores", { group });
  } catch (error) {
    table.replaceChildren(element("p", { class: "error", text: error.message }));
    return;
  }
  const heads = [["Contender", ""], ["Taken for real", "50 %: nobody can tell it"], ["Preferred", "to an average one of these"], ["Score", contenders[0]?.score?.meaning ?? ""]];
  const head = element("tr", {}, heads.map(([text, note]) => element("th", { scope: "col", text }, note ? [element("small", { text: note })] : [])));
  const rows = contenders.map((one) => {
    const { taken_for_real: real, preferred } = found[one.id];
    const score = one.score && `${one.score.value.toPrecision(3)} (${one.score.low.toPrecision(3)} to ${one.score.high.toPrecision(3)}), ${one.score.better} is better`;
    return element("tr", { style: `--colour:${one.colour}`, "data-contender": one.contender }, [
      element("th", { scope: "row", text: names[one.id] }),
      bar(real, real ? `${real.k} of ${real.n}` : ""), bar(preferred, preferred ? `${preferred.n} vote${preferred.n === 1 ? "" : "s"}` : ""),
      element("td", {}, [element("small", { text: score || "not scored" })]),
    ]);
  });
  table.replaceChildren(element("table", {}, [element("thead", {}, [head]), element("tbody", {}, rows)]));
}
