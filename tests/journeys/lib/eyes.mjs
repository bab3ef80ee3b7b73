// A page as people see it: a picture at both widths, what axe says of it, and whether it fits a narrow window.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { DESK, PHONE } from "./browser.mjs";

const require = createRequire(import.meta.url);
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const chinese = JSON.parse(await readFile(require.resolve("axe-core/locales/zh_CN.json"), "utf8"));

/** WCAG 2.2: content reflows in a window of this width (1.4.10), in CSS pixels. */
const NARROWEST = 320;
const GRAVE = ["serious", "critical"];
/** One word for one thing, whoever wrote the page: what is not said, and what is said instead. */
const WORDS = { 缴费: "付款", 支付方式: "付款方式" };

export class Eyes {
  #report;
  #folder;
  #seen = new Set();

  constructor(report, folder) {
    this.#report = report;
    this.#folder = folder;
  }

  /** Looks at the page once by this name: `register`, `console-case`. */
  async look(page, name) {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const before = page.viewportSize();
    await this.#report.check(`page ${name}: axe finds nothing serious, it fits ${NARROWEST} px`, async () => {
      const complaints = await stillThere(() => this.#complaints(page, name, before.height));
      if (complaints.length) throw new Error(complaints.join("\n"));
    });
    await page.emulateMedia({ colorScheme: null });
    await page.setViewportSize(before);
  }

  async #complaints(page, name, height) {
    const complaints = [];
    for (const width of [DESK.width, PHONE.width]) {
      await page.setViewportSize({ width, height });
      await settled(page);
      await page.screenshot({ path: path.join(this.#folder, `${name}-${width}.png`), fullPage: true, animations: "disabled" });
      complaints.push(...(await this.#axe(page, width)));
    }
    await page.emulateMedia({ colorScheme: "dark" });
    complaints.push(...(await this.#axe(page, "dark", ["color-contrast"])));
    await page.emulateMedia({ colorScheme: null });
    await page.setViewportSize({ width: NARROWEST, height });
    complaints.push(...(await tooWide(page)));
    complaints.push(...(await otherWords(page)));
    return complaints;
  }

  async #axe(page, where, rules) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(
      async ([locale, rules]) => {
        window.axe.configure({ locale });
        return window.axe.run(document, rules ? { runOnly: { type: "rule", values: rules } } : {});
      },
      [chinese, rules],
    );
    return violations
      .filter((violation) => GRAVE.includes(violation.impact))
      .flatMap((violation) =>
        violation.nodes.slice(0, 3).map((node) => `[${where}] ${violation.id}: ${violation.help} at ${node.target.join(" ")}\n  ${node.html}`),
      );
  }
}

/** Looks again when a live page moved on by itself in the middle of it; a case has a few events at once at most. */
async function stillThere(look) {
  for (let left = 3; ; left -= 1) {
    try {
      return await look();
    } catch (error) {
      if (!left || !/Execution context was destroyed/.test(error.message)) throw error;
    }
  }
}

async function otherWords(page) {
  const text = await page.locator("body").innerText();
  return Object.entries(WORDS)
    .filter(([word]) => text.includes(word))
    .map(([word, house]) => `the page says ${word} where we say ${house}`);
}

/** Pictures and fonts are there. */
async function settled(page) {
  await page.waitForLoadState("load");
  await page.evaluate(async () => {
    await document.fonts.ready;
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  });
}

/** What sticks out of the window, when something does. */
async function tooWide(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > clientWidth + 1);
    const named = out.slice(0, 3).map((element) => element.outerHTML.slice(0, 120));
    return [`[${clientWidth}] the page is ${scrollWidth} px wide because of\n  ${named.join("\n  ")}`];
  });
}
