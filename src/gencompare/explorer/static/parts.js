// What the explorer's views share.
export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) key === "text" ? (made.textContent = value) : made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export async function ask(what, given = {}, body = null) {
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(`/api/${what}?${new URLSearchParams(given)}`, options);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

// Lay images out in rows, each pixel enlarged, and have the browser save the picture.
export async function savePicture(sources, name, columns = 8, scale = 4) {
  const images = await Promise.all(sources.map(async (src) => { const image = new Image(); image.src = src; await image.decode(); return image; }));
  const side = images[0].naturalWidth * scale;
  const sheet = element("canvas", { width: side * Math.min(columns, images.length), height: side * Math.ceil(images.length / columns) });
  const paper = sheet.getContext("2d");
  paper.imageSmoothingEnabled = false;
  images.forEach((image, index) => paper.drawImage(image, (index % columns) * side, Math.floor(index / columns) * side, side, side));
  sheet.toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  });
}
