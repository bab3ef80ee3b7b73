// Scans as a person would bring them, drawn by the browser: a page with a heading, lines and a red seal.

import { writeFile } from "node:fs/promises";
import path from "node:path";

/** A4 at 100 dpi, in pixels. */
const SHEET = { width: 827, height: 1169 };
/** An identity card copied one to one, at 250 dpi. */
const CARD = { width: 843, height: 532 };

export class Pictures {
  #page;
  #folder;

  constructor(page, folder) {
    this.#page = page;
    this.#folder = folder;
  }

  /** A stamped sheet as a JPEG. */
  async sheet(name, title, lines) {
    return this.#draw(name, "jpeg", SHEET, title, lines);
  }

  /** A side of an identity card as a PNG. */
  async card(name, title, lines) {
    return this.#draw(name, "png", CARD, title, lines);
  }

  /** A JPEG of exactly this many bytes: comment segments make it as large as a scanner's careless setting would. */
  async sheetOfSize(name, title, bytes) {
    const file = await this.#draw(name, "jpeg", SHEET, title, ["扫描件"]);
    const picture = await this.#bytes(SHEET, "jpeg", title, ["扫描件"]);
    let missing = bytes - picture.length;
    const comments = [];
    while (missing > 0) {
      // A segment has a marker and a length of two bytes each, and at most 65,533 bytes of its own.
      let size = Math.min(missing, 65_537);
      if (missing - size > 0 && missing - size < 4) size -= 4;
      const segment = Buffer.alloc(size, 0x20);
      segment.writeUInt16BE(0xfffe, 0);
      segment.writeUInt16BE(size - 2, 2);
      comments.push(segment);
      missing -= size;
    }
    await writeFile(file, Buffer.concat([picture.subarray(0, 2), ...comments, picture.subarray(2)]));
    return file;
  }

  /** A one-page PDF. */
  async pdf(name, title, lines) {
    const file = path.join(this.#folder, name);
    await this.#page.setContent(html(title, lines));
    await this.#page.pdf({ path: file, format: "A5" });
    return file;
  }

  async #draw(name, type, size, title, lines) {
    const file = path.join(this.#folder, name);
    await writeFile(file, await this.#bytes(size, type, title, lines));
    return file;
  }

  async #bytes(size, type, title, lines) {
    await this.#page.setViewportSize(size);
    await this.#page.setContent(html(title, lines));
    return this.#page.screenshot({ type, ...(type === "jpeg" ? { quality: 80 } : {}) });
  }
}

const html = (title, lines) => `<!doctype html><meta charset="utf-8"><style>
  body { margin: 0; padding: 8% 10%; font: 22px/1.9 "Noto Sans CJK SC", sans-serif; color: #222; background: #fdfcf9; }
  h1 { text-align: center; font-size: 34px; letter-spacing: .2em; }
  .seal { position: absolute; right: 12%; bottom: 12%; width: 150px; height: 150px; border: 5px solid #c8232c; border-radius: 50%;
    color: #c8232c; display: grid; place-items: center; font-size: 54px; opacity: .8; transform: rotate(-8deg); }
</style><h1>${title}</h1>${lines.map((line) => `<p>${line}</p>`).join("")}<div class="seal">★</div>`;
