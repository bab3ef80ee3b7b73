// The console's own enhancement: keys, the judging form and the viewer of scans. Every page works without this file.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- keys: never while somebody types

const keys = new Map();
for (const element of $$("[data-key]")) keys.set(element.dataset.key, () => (element.matches("input") ? element.focus() : element.click()));

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("textarea, select, input:not([type=radio]):not([type=checkbox])")) return;
  if (event.target.matches("input[type=radio]") && event.key.startsWith("Arrow")) return;
  const act = keys.get(event.key.toLowerCase());
  if (!act) return;
  event.preventDefault();
  act();
});

// ---- judging: the count, all at once, and the reason where one is needed

function judging(form) {
  const lines = $$("[data-verdict]", form);
  const told = $("[data-judged]", form);
  const chosen = (line) => $("input:checked", line)?.value;
  const count = () => {
    const refused = lines.filter((line) => chosen(line) === "refuse").length;
    const done = lines.filter(chosen).length;
    told.textContent = told.dataset.text.replace("{done}", done).replace("{all}", lines.length).replace("{refused}", refused);
  };
  form.addEventListener("change", (event) => {
    count();
    if (event.target.value === "refuse" && event.target.type === "radio") $(".reason", event.target.closest("[data-verdict]")).focus();
  });
  const all = $("[data-pass-all]", form);
  const passAll = () => {
    for (const line of lines) if (!chosen(line)) $(".pass input", line).checked = true;
    count();
  };
  all.addEventListener("click", (event) => {
    event.preventDefault();
    passAll();
  });
  keys.set("a", passAll);
  count();
}
$$("[data-judge]").forEach(judging);

// ---- the viewer

const ZOOM = 1.25; // one step, so that three steps double the size
const FEWEST = 0.25;
const MOST = 8; // a stamp's small print fills the window

/** One picture in its pane: drawn on a canvas, so that turning and zooming need no inline style. */
class Pane {
  constructor(element) {
    this.element = element;
    this.canvas = document.createElement("canvas");
    element.append(this.canvas);
    this.zoom = 1;
    this.turns = 0;
    new ResizeObserver(() => this.draw()).observe(element);
    this.dragging();
  }
  show(scan) {
    if (this.scan === scan) return;
    this.scan = scan;
    this.zoom = 1;
    this.turns = 0;
    this.element.setAttribute("aria-label", scan.title);
    this.picture = new Image();
    this.picture.onload = () => this.draw();
    this.picture.src = scan.address;
    this.canvas.width = this.canvas.height = 0;
  }
  draw() {
    const { picture, element, canvas } = this;
    if (!picture?.complete || !picture.naturalWidth || !element.clientWidth) return;
    const upright = this.turns % 2 === 0;
    const [width, height] = upright ? [picture.naturalWidth, picture.naturalHeight] : [picture.naturalHeight, picture.naturalWidth];
    const fit = Math.min((element.clientWidth - 4) / width, (element.clientHeight - 4) / height);
    const scale = fit * this.zoom;
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const brush = canvas.getContext("2d");
    brush.imageSmoothingQuality = "high";
    brush.translate(canvas.width / 2, canvas.height / 2);
    brush.rotate((this.turns * Math.PI) / 2);
    brush.scale(scale, scale);
    brush.drawImage(picture, -picture.naturalWidth / 2, -picture.naturalHeight / 2);
  }
  scale(factor) {
    const { element } = this;
    const [x, y] = [(element.scrollLeft + element.clientWidth / 2) / element.scrollWidth, (element.scrollTop + element.clientHeight / 2) / element.scrollHeight];
    this.zoom = factor === 0 ? 1 : Math.min(MOST, Math.max(FEWEST, this.zoom * factor));
    this.draw();
    element.scrollLeft = x * element.scrollWidth - element.clientWidth / 2;
    element.scrollTop = y * element.scrollHeight - element.clientHeight / 2;
  }
  turn() {
    this.turns = (this.turns + 1) % 4;
    this.draw();
  }
  dragging() {
    const { element } = this;
    let from;
    element.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      from = { x: event.clientX + element.scrollLeft, y: event.clientY + element.scrollTop };
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (from) element.scrollTo(from.x - event.clientX, from.y - event.clientY);
    });
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => (from = undefined));
    element.addEventListener("dblclick", () => this.scale(this.zoom > 1 ? 0 : ZOOM ** 4));
  }
}

function viewer(root) {
  const links = $$("[data-scan]");
  if (links.length === 0) return;
  const scans = links.map((link) => ({ link, address: link.dataset.scan, title: link.dataset.title }));
  root.hidden = false;
  const [main, second] = $$("[data-pane]", root).map((element) => new Pane(element));
  let place = -1;
  const tell = () => {
    $("[data-viewer-title]", root).textContent = scans[place].title;
    $("[data-viewer-place]", root).textContent = `${place + 1} / ${scans.length}`;
    $("[data-viewer-zoom]", root).textContent = `${Math.round(main.zoom * 100)}%`;
  };
  const show = (wanted) => {
    scans[place]?.link.removeAttribute("aria-current");
    place = (wanted + scans.length) % scans.length;
    scans[place].link.setAttribute("aria-current", "true");
    main.show(scans[place]);
    tell();
  };
  const compare = () => {
    const button = $("[data-do=compare]", root);
    const on = second.element.hidden;
    second.element.hidden = !on;
    button.setAttribute("aria-pressed", String(on));
    if (on) {
      second.scan = undefined;
      second.show(scans[place]);
      show(place + 1);
    }
  };
  const acts = {
    previous: () => show(place - 1),
    next: () => show(place + 1),
    in: () => (main.scale(ZOOM), tell()),
    out: () => (main.scale(1 / ZOOM), tell()),
    fit: () => (main.scale(0), tell()),
    turn: () => main.turn(),
    compare,
  };
  for (const button of $$("[data-do]", root)) button.addEventListener("click", acts[button.dataset.do]);
  for (const [key, name] of Object.entries({ arrowleft: "previous", arrowright: "next", "+": "in", "=": "in", "-": "out", 0: "fit", r: "turn", c: "compare" })) keys.set(key, acts[name]);
  for (const pane of [main, second]) {
    pane.element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // the wheel scrolls; with Ctrl it zooms, as elsewhere
      event.preventDefault();
      pane.scale(event.deltaY < 0 ? ZOOM : 1 / ZOOM);
      tell();
    }, { passive: false });
  }
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
  }));
  // Whoever judges an item sees its first scan.
  document.addEventListener("focusin", (event) => {
    const name = event.target.closest("[data-verdict]") && event.target.name?.replace(/^(item|reason):/, "");
    const index = scans.findIndex((scan) => scan.link.dataset.item === name);
    if (index >= 0 && scans[place].link.dataset.item !== name) show(index);
  });
  show(0);
}
$$("[data-viewer]").forEach(viewer);
