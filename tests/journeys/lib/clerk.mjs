// What the CA's own people do in the console. Each has one role, and a window of their own.

import { fill, follow, headed, press } from "./forms.mjs";
import { CLERK_PASSWORD } from "./world.mjs";

export class Clerk {
  constructor(world, page, site) {
    this.world = world;
    this.page = page;
    this.site = site;
  }

  at(path) {
    return this.world.address(this.site, path);
  }

  async logIn(name) {
    await this.page.goto(this.at("/console"));
    await headed(this.page, "工作人员登录");
    await fill(this.page, { 用户名: name, 密码: CLERK_PASSWORD });
    await press(this.page, "登录");
    await headed(this.page, "工作台");
  }

  /** Takes what is due first; in a small world that is the case of this unit or person. */
  async takeNext(subject) {
    await this.page.goto(this.at("/console"));
    await this.page.getByRole("button", { name: "领取下一件" }).first().click();
    await headed(this.page, subject.name);
  }

  /** Opens the case anew. */
  async open(path) {
    await this.page.goto(this.at(`/console${path}`));
  }

  /** Marks everything as good. */
  async passAll() {
    await this.page.getByRole("link", { name: /^其余通过/ }).click();
  }

  /** Marks one item as not good, and says why. */
  async refuse(item, reason) {
    const group = this.page.getByRole("radiogroup", { name: item, exact: true });
    await group.getByRole("radio", { name: "退回" }).check();
    await this.page.getByLabel(`${item}的退回原因`).fill(reason);
  }

  /** An action with a page of its own: answers by label. */
  async act(name, answers) {
    await follow(this.page, name);
    await headed(this.page, name);
    await fill(this.page, answers);
  }

  async press(name) {
    await press(this.page, name);
  }

  async state(name) {
    await this.page.locator(".case-head .tag", { hasText: name }).waitFor();
  }
}
