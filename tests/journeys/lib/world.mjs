// Everything that a journey needs around it: the simulators, a real mail server and the site, all on free ports of this
// machine and with data of their own, which the next run throws away.

import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { Companion, freePort } from "./processes.mjs";
import { Mailbox } from "./mailbox.mjs";
import { Simulators } from "./simulators.mjs";

/** Password of the clerks that a server with simulators makes, one for each role. */
export const CLERK_PASSWORD = "yinxin-demo-2026";

export class World {
  /** `name`: the journey's, whose things lie in a folder of that name. */
  static async start(name) {
    const world = new World(name);
    try {
      await world.#start();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  #companions = [];

  constructor(name) {
    this.root = path.resolve(import.meta.dirname, "../../..");
    this.target = process.env.CARGO_TARGET_DIR ?? path.join(this.root, "target");
    this.folder = path.join(this.target, "journeys", name);
    this.screenshots = path.join(this.folder, "screenshots");
    process.on("exit", () => this.#companions.forEach((companion) => companion.kill()));
  }

  async #start() {
    for (const name of ["data", "simulators", "logs", "screenshots", "mails.jsonl"]) {
      await rm(path.join(this.folder, name), { recursive: true, force: true });
    }
    await mkdir(path.join(this.folder, "logs"), { recursive: true });
    await mkdir(this.screenshots, { recursive: true });
    const [site, simulators, sink] = [await freePort(), await freePort(), await freePort()];
    const state = path.join(this.folder, "simulators");

    const simulatorsAt = `http://127.0.0.1:${simulators}`;
    const simulated = this.#begin("simulators", program("YINXIN_SIMULATORS_BIN", this.target, "yinxin-simulators"), [
      ["--listen", `127.0.0.1:${simulators}`],
      ["--smtp-listen", `127.0.0.1:${sink}`],
      ["--state-dir", state],
    ]);
    const letters = path.join(this.folder, "mails.jsonl");
    const python = process.env.YINXIN_TEST_PYTHON ?? path.join(this.target, "peers/bin/python");
    const smtp = this.#begin(
      "mail",
      python,
      [["-B", path.join(this.root, "tests/conformance/smtp_server.py")], ["--out", letters]],
      { input: "pipe", output: "pipe" },
    );
    const { port: mail } = JSON.parse(await smtp.firstLine());
    await simulated.untilReady(`${simulatorsAt}/`);

    this.server = this.#begin("yinxin", this.program, [
      ["serve", "--listen", `127.0.0.1:${site}`],
      this.places,
      ["--simulators", simulatorsAt],
      ["--simulators-smtp", `127.0.0.1:${mail}`],
      ["--simulators-state", state],
    ]);
    await this.server.untilReady(`http://127.0.0.1:${site}/readyz`);
    this.port = site;
    this.simulators = new Simulators(simulatorsAt);
    this.mailbox = new Mailbox(letters);
  }

  #begin(name, file, words, options = {}) {
    const log = path.join(this.folder, "logs", `${name}.log`);
    const companion = new Companion(name, file, words.flat(), {
      log,
      env: { NO_COLOR: "1" },
      ...options,
    });
    this.#companions.push(companion);
    return companion;
  }

  /** Address of a site's page: `world.address("yingtan", "/login")`. */
  address(site, page = "/") {
    return `http://${site}.localhost:${this.port}${page}`;
  }

  /** The server's program, which has the operator's commands too. */
  get program() {
    return program("YINXIN_BIN", this.target, "yinxin");
  }

  /** Options of the program that say where this world's things lie. */
  get places() {
    return [
      ["--sites", path.join(this.root, "sites")],
      ["--plugins", process.env.YINXIN_COMPONENTS ?? path.join(this.target, "plugins")],
      ["--data", path.join(this.folder, "data")],
    ].flat();
  }

  get serverLog() {
    return path.join(this.folder, "logs", "yinxin.log");
  }

  /** Lines of the server's log that tell of its own failures. */
  async errors() {
    const log = await readFile(this.serverLog, "utf8");
    return log.split("\n").filter((line) => /^\S+ +ERROR /.test(line));
  }

  async stop() {
    // The last one that was started needs the others.
    for (const companion of this.#companions.reverse()) await companion.stop();
    this.#companions = [];
  }
}

const program = (variable, target, name) => process.env[variable] ?? path.join(target, "debug", name);
