// What the mail server was given: one line of JSON for each mail.

import { readFile } from "node:fs/promises";
import { until } from "./processes.mjs";

export class Mailbox {
  #file;

  constructor(file) {
    this.#file = file;
  }

  async mails() {
    const text = await readFile(this.#file, "utf8").catch(() => "");
    return text
      .split("\n")
      .filter((line) => line)
      .map((line) => JSON.parse(line));
  }

  /** The first mail to this address, once it is there. */
  async mailTo(address) {
    return until(`no mail came to ${address}`, async () => (await this.mails()).find((mail) => mail.to.includes(address)));
  }
}
