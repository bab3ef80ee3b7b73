// Programs that run beside the journey, and those that are asked once.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import net from "node:net";
import { promisify } from "node:util";

const ask = promisify(execFile);

/** A rendered page or a certificate's text; more is a mistake. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** Requests under way may end; after that the program is ended, in milliseconds. */
const STOP_LIMIT = 15_000;
/** Components are compiled at the first start; in milliseconds. */
const START_LIMIT = 90_000;

/** Runs a program to its end and gives what it printed; its complaint becomes the error. */
export async function run(program, ...words) {
  const { stdout } = await ask(program, words, { maxBuffer: OUTPUT_LIMIT });
  return stdout;
}

/** A port of the loopback interface that nobody uses. */
export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A program that runs until it is stopped; what it says goes into a file. */
export class Companion {
  #child;
  #name;
  #log;
  #ended;

  constructor(name, program, words, { log, env = {}, input = "ignore", output } = {}) {
    this.#name = name;
    this.#log = log;
    const file = openSync(log, "w");
    this.#child = spawn(program, words, {
      stdio: [input, output ?? file, file],
      env: { ...process.env, ...env },
    });
    closeSync(file);
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(error.message));
      this.#child.on("exit", (code, signal) => resolve(signal ?? `code ${code}`));
    });
  }

  /** The first line on its standard output, for one that was started with a pipe there. */
  async firstLine() {
    let text = "";
    const read = (async () => {
      for await (const piece of this.#child.stdout) {
        text += piece;
        if (text.includes("\n")) return text.split("\n")[0];
      }
      throw new Error(`${this.#name} ended with ${await this.#ended}:\n${await this.lastWords()}`);
    })();
    return within(read, START_LIMIT, `${this.#name} said nothing in time`);
  }

  /** Asks an address until it answers well. */
  async untilReady(address) {
    const end = Date.now() + START_LIMIT;
    let ended;
    this.#ended.then((how) => (ended = how));
    while (Date.now() < end) {
      if (ended) throw new Error(`${this.#name} ended with ${ended}:\n${await this.lastWords()}`);
      const answer = await fetch(address).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50)); // between two questions
    }
    throw new Error(`${this.#name} did not answer at ${address}:\n${await this.lastWords()}`);
  }

  async lastWords() {
    const text = await readFile(this.#log, "utf8");
    return text.trim().split("\n").slice(-20).join("\n");
  }

  async stop(signal = "SIGINT") {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.stdin?.end();
    this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_LIMIT);
    await this.#ended;
    clearTimeout(late);
  }

  /** At once, when there is no time left to wait. */
  kill() {
    this.#child.kill("SIGKILL");
  }
}

/** The promise's value, or an error when it takes longer than `limit` milliseconds. */
export async function within(promise, limit, complaint) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks `look` until it gives something; for what happens in another program and cannot be listened to. */
export async function until(complaint, look, limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(complaint);
    await new Promise((resolve) => setTimeout(resolve, 50)); // between two questions
  }
}
