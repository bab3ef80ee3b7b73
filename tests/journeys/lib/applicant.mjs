// What an applicant does alike on every site. How to register, log in and fill in differs: see each site's own.

import assert from "node:assert/strict";
import { field, follow, headed, press, solve } from "./forms.mjs";

export class Applicant {
  /** `site`: its name in the address. `code`: template of the SMS with a code, as in the site's site.toml. */
  constructor(world, page, site, code, mobile) {
    this.world = world;
    this.page = page;
    this.site = site;
    this.code = code;
    this.mobile = mobile;
    this.codes = 0;
  }

  at(path) {
    return this.world.address(this.site, path);
  }

  /** Answers the sum in place of the picture. */
  async answerSum() {
    const question = this.page.locator("[data-question]");
    if (!(await question.count())) await press(this.page, "改为算术题");
    await field(this.page, "图形验证码").fill(solve(await question.innerText()));
  }

  /** Asks for an SMS code and types what the phone shows. A mobile gets one code a minute: who is faster waits. */
  async proveMobile() {
    const said = this.page.getByText(/验证码已发|获取得太频繁/);
    await press(this.page, "获取验证码");
    await said.waitFor();
    const [, seconds] = /请 (\d+) 秒/.exec(await said.innerText()) ?? [];
    if (seconds) {
      await this.page.waitForTimeout((Number(seconds) + 1) * 1000);
      await this.answerSum();
      await press(this.page, "获取验证码");
      await this.page.getByText(/验证码已发/).waitFor();
    }
    this.codes += 1;
    const text = await this.world.simulators.text(this.mobile, this.code, this.codes);
    const [code] = /\d{6}/.exec(text.text) ?? assert.fail(text.text);
    await field(this.page, "短信验证码").fill(code);
  }

  /** Begins an application of a service and gives the path of its page. */
  async begin(service) {
    await this.page.goto(this.at(`/services/${service}`));
    await press(this.page, "开始申请");
    await headed(this.page, "填写中");
    return new URL(this.page.url()).pathname;
  }

  /** The place of an item where a file belongs, by the item's title and, where it has several, the side's name. */
  slot(item, side) {
    const section = this.page.getByRole("region", { name: item });
    return side ? section.locator(".slot", { has: this.page.getByText(side, { exact: true }) }) : section.locator(".slot").first();
  }

  /** Chooses a file; with a script it is sent at once. */
  async upload(item, file, side) {
    await this.slot(item, side).locator("input[type=file]").setInputFiles(file);
  }

  async uploaded(item, name, side) {
    await this.slot(item, side).getByRole("link", { name }).waitFor();
  }

  async state(name) {
    await headed(this.page, name);
  }

  async logOut() {
    await press(this.page, "退出");
    await follow(this.page, "登录");
  }
}
