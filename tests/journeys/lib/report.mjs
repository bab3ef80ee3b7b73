// What was looked at in a journey and how it went: a line when it is done, and all journeys' lines again at the end.

import process from "node:process";

export class Report {
  #journey;
  #chapter = "";
  /** What was looked at so far: `{ where, name, seconds, error }`. */
  lines = [];

  /** `journey`: its name, which its lines begin with. */
  constructor(journey) {
    this.#journey = journey;
  }

  chapter(name) {
    this.#chapter = name;
  }

  /** Something that what comes after builds upon: a failure ends the journey. */
  async step(name, work) {
    const error = await this.#run(name, work);
    if (error) throw new Stopped(error);
  }

  /** Something that stands alone: a failure is told, and the journey goes on. */
  async check(name, work) {
    await this.#run(name, work);
  }

  async #run(name, work) {
    const begun = Date.now();
    let error;
    try {
      await work();
    } catch (thrown) {
      // The journey inside of a step has said why already.
      if (thrown instanceof Stopped) throw thrown;
      error = thrown;
    }
    const line = { where: `${this.#journey}: ${this.#chapter}`, name, seconds: (Date.now() - begun) / 1000, error };
    this.lines.push(line);
    process.stdout.write(`${written(line)}\n`);
    if (error) process.stdout.write(`${indented(error.stack ?? String(error))}\n`);
    return error;
  }
}

/** Tells of all journeys; true when there was something to look at and nothing failed. */
export function conclude(reports) {
  const lines = reports.flatMap((report) => report.lines);
  const failed = lines.filter((line) => line.error);
  process.stdout.write("\nSummary\n");
  for (const line of lines) process.stdout.write(`${written(line)}\n`);
  process.stdout.write(`${lines.length - failed.length} checks passed, ${failed.length} failed\n`);
  return failed.length === 0 && lines.length > 0;
}

/** A journey cannot go on; the reason was told where it happened. */
export class Stopped extends Error {
  constructor(cause) {
    super("the journey cannot go on", { cause });
  }
}

const written = ({ where, name, seconds, error }) =>
  `  ${error ? "FAILED" : "ok    "} ${seconds.toFixed(1).padStart(5)} s  ${name}  [${where}]`;

const indented = (text) =>
  text
    .split("\n")
    .slice(0, 14) // more of a stack tells nothing
    .map((line) => `      ${line}`)
    .join("\n");
