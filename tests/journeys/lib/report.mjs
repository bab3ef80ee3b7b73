// What was looked at and how it went: a line when it is done, and all lines again at the end.

import process from "node:process";

export class Report {
  #lines = [];
  #chapter = "";

  chapter(name) {
    this.#chapter = name;
    process.stdout.write(`\n${name}\n`);
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
    const line = { chapter: this.#chapter, name, seconds: (Date.now() - begun) / 1000, error };
    this.#lines.push(line);
    process.stdout.write(`${written(line)}\n`);
    if (error) process.stdout.write(`${indented(error.stack ?? String(error))}\n`);
    return error;
  }

  /** True when nothing failed. */
  conclude() {
    const failed = this.#lines.filter((line) => line.error);
    process.stdout.write("\nSummary\n");
    for (const line of this.#lines) process.stdout.write(`${written(line)}  [${line.chapter}]\n`);
    process.stdout.write(`${this.#lines.length - failed.length} checks passed, ${failed.length} failed\n`);
    return failed.length === 0 && this.#lines.length > 0;
  }
}

/** A journey cannot go on; the reason was told where it happened. */
export class Stopped extends Error {
  constructor(cause) {
    super("the journey cannot go on", { cause });
  }
}

const written = ({ name, seconds, error }) => `  ${error ? "FAILED" : "ok    "} ${seconds.toFixed(1).padStart(5)} s  ${name}`;

const indented = (text) =>
  text
    .split("\n")
    .slice(0, 14) // more of a stack tells nothing
    .map((line) => `      ${line}`)
    .join("\n");
