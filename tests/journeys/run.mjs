// People's ways through the sites, in a real browser: `node run.mjs [SITE…]`, without a name every site; as many at the
// same time as there are cores.
//
// `cargo xtask test journeys` builds what is needed and starts this with the places of it in the environment:
// YINXIN_BIN, YINXIN_SIMULATORS_BIN, YINXIN_COMPONENTS, YINXIN_TEST_PYTHON and CARGO_TARGET_DIR.

import { mkdir, readdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { Browser } from "./lib/browser.mjs";
import { Eyes } from "./lib/eyes.mjs";
import { Pictures } from "./lib/pictures.mjs";
import { Report, Stopped, conclude } from "./lib/report.mjs";
import { World } from "./lib/world.mjs";

const found = await readdir(path.join(import.meta.dirname, "sites"));
const known = found.filter((file) => file.endsWith(".mjs")).map((file) => path.basename(file, ".mjs")).sort();
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !known.includes(name));
if (unknown) {
  console.error(`there is no journey ${unknown}; there are ${known.join(", ")}`);
  process.exit(2);
}

const waiting = asked.length ? asked : known;
const reports = [];
await Promise.all(Array.from({ length: os.availableParallelism() }, travelInTurn));
process.exit(conclude(reports) ? 0 : 1);

/** The next site's journey for as long as there is one. */
async function travelInTurn() {
  for (let name = waiting.shift(); name; name = waiting.shift()) {
    const { chapters } = await import(`./sites/${name}.mjs`);
    const report = new Report(name);
    reports.push(report);
    await travel(name, chapters, report);
  }
}

/** One site's journey, in a world of its own. */
async function travel(name, chapters, report) {
  const world = await World.start(name);
  let browser;
  const stop = async () => {
    await browser?.close();
    await world.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop().finally(() => process.exit(130)));
  try {
    browser = await Browser.open();
    const files = path.join(world.folder, "files");
    await mkdir(files, { recursive: true });
    const pictures = new Pictures(await browser.person(), files);
    const eyes = new Eyes(report, world.screenshots);
    const given = { world, browser, report, eyes, pictures, files, story: {} };
    for (const [title, chapter] of chapters) {
      report.chapter(title);
      try {
        await chapter(given);
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
        await browser.pictures(path.join(world.folder, "logs"));
        console.log(`what the server said last (${world.serverLog}):\n${await world.server.lastWords()}`);
        break; // each chapter builds upon the one before
      }
    }
    report.chapter("all the way");
    await report.check("no page's script failed, and no page asked a stranger for anything", () => {
      if (browser.misdeeds.length) throw new Error(browser.misdeeds.join("\n"));
    });
    await report.check("the server met no error of its own", async () => {
      const errors = await world.errors();
      if (errors.length) throw new Error(errors.join("\n"));
    });
  } finally {
    await stop();
  }
}
