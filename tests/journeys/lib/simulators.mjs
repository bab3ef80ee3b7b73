// The simulators' own side: the phone with its SMS. What a person presses there is pressed in the browser.

import { until } from "./processes.mjs";

export class Simulators {
  constructor(address) {
    this.address = address;
  }

  /** Every SMS to a number, oldest first. */
  async texts(mobile) {
    const answer = await fetch(`${this.address}/control/sms?mobile=${mobile}`);
    return answer.json();
  }

  /** Waits for the `count`th SMS by this template to a number, and gives it. */
  async text(mobile, template, count = 1) {
    return until(`no SMS ${template} came to ${mobile}`, async () => {
      const texts = (await this.texts(mobile)).filter((text) => text.template === template);
      return texts[count - 1];
    });
  }
}
