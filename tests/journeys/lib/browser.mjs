// Debian's Chromium, with people in front of it: each has a window of their own. What no page may ever do is noted while
// they go: scripts that fail, requests to strangers.

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long anything on a page may take before something is wrong, in milliseconds. */
const PATIENCE = 15_000;
/** Times that a person sets out for a page before giving up. */
const ATTEMPTS = 3;
/** Milliseconds in which a page that has begun to load anew has either come or given way. */
const SETTLED = 300;

export const DESK = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 812 };

export class Browser {
  static async open() {
    const browser = await chromium.launch({
      executablePath: process.env.YINXIN_TEST_CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: FLAGS,
    });
    return new Browser(browser);
  }

  #browser;
  /** Sentences about what pages did and must not do. */
  misdeeds = [];

  constructor(browser) {
    this.#browser = browser;
  }

  /** A window of somebody's own: nothing is shared with the others. */
  async person({ phone = false, script = true } = {}) {
    const context = await this.#browser.newContext({
      locale: "zh-CN",
      timezoneId: "Asia/Shanghai",
      viewport: phone ? PHONE : DESK,
      javaScriptEnabled: script,
      acceptDownloads: true,
      ...(phone ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}),
    });
    context.setDefaultTimeout(PATIENCE);
    context.on("weberror", (error) => this.misdeeds.push(`${error.page()?.url()}: ${error.error().message}`));
    context.on("console", (message) => {
      // A refused form is answered with 422, which Chromium reports as an error of the page.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.misdeeds.push(`${message.page()?.url()}: ${message.text()}`);
      }
    });
    context.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      const ours = hostname.endsWith(".localhost") || hostname === "127.0.0.1";
      if (protocol.startsWith("http") && !ours) this.misdeeds.push(`a page asked ${hostname} for something`);
    });
    return leaving(await context.newPage());
  }

  /** Pictures of every open page, for who wonders why it went wrong. */
  async pictures(folder) {
    const pages = this.#browser.contexts().flatMap((context) => context.pages());
    for (const [place, page] of pages.entries()) {
      await page.screenshot({ path: `${folder}/stopped-${place}.png`, fullPage: true }).catch(() => {});
    }
  }

  async close() {
    await this.#browser.close();
  }
}

/**
 * A page that shows news reloads itself, it may be in the very moment in which its person leaves it: then what is loaded anew
 * is that page, or the one that was about to come. A browser's address bar wins; here the person waits and goes once more.
 */
function leaving(page) {
  const go = page.goto.bind(page);
  page.goto = async (address, options) => {
    // Which of these it is depends on how far the navigation had come.
    const reloads = [page.url(), address].map((anew) => `is interrupted by another navigation to "${anew}"`);
    reloads.push(`net::ERR_ABORTED at ${address}`);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await go(address, options);
      } catch (error) {
        if (attempt === ATTEMPTS || !reloads.some((reload) => error.message.includes(reload))) throw error;
        await page.waitForTimeout(SETTLED);
      }
    }
  };
  return page;
}
