// What an applicant of the site does, page by page.

import assert from "node:assert/strict";
import { field, fill, follow, headed, press, solve } from "../../lib/forms.mjs";

/** Template of the SMS with a code, as in sites/jiangxi/site.toml. */
const CODE = "SMS_100001";

export class Applicant {
  constructor(world, page, unit) {
    this.world = world;
    this.page = page;
    this.unit = unit;
    this.codes = 0;
  }

  at(path) {
    return this.world.address("yingtan", path);
  }

  /** Answers the sum in place of the picture. */
  async answerSum() {
    const question = this.page.locator("[data-question]");
    if (!(await question.count())) await press(this.page, "改为算术题");
    await field(this.page, "图形验证码").fill(solve(await question.innerText()));
  }

  /** Asks for an SMS code and types what the phone shows. */
  async proveMobile() {
    await press(this.page, "获取验证码");
    await this.page.getByText(/验证码已发/).waitFor();
    this.codes += 1;
    const text = await this.world.simulators.text(this.unit.mobile, CODE, this.codes);
    const [code] = /\d{6}/.exec(text.text) ?? assert.fail(text.text);
    await field(this.page, "短信验证码").fill(code);
  }

  async register() {
    const { page, unit } = this;
    await page.goto(this.at("/register"));
    await fill(page, { 单位名称: unit.name, 统一社会信用代码: unit.uscc, 经办人手机: unit.mobile });
    await this.answerSum();
    await this.proveMobile();
    await fill(page, { 密码: unit.password, 再次输入密码: unit.password });
    await page.getByRole("checkbox", { name: "我已阅读并同意" }).check();
    await press(page, "注册");
    await page.getByText("注册成功").waitFor();
  }

  async logIn(password = this.unit.password) {
    const { page, unit } = this;
    await page.goto(this.at("/login"));
    await this.answerSum();
    await fill(page, { 登录名: unit.uscc, 密码: password });
    await press(page, "登录");
    await headed(page, "我的申请");
  }

  /** Begins an application and gives the path of its page. */
  async begin() {
    await this.page.goto(this.at("/services/yingtan/new-certificate"));
    await press(this.page, "开始申请");
    await headed(this.page, "填写中");
    return new URL(this.page.url()).pathname;
  }

  /** Fills in the form of an application and saves it. */
  async fillOrder(path, answers) {
    await this.page.goto(this.at(`${path}/steps/order`));
    await fill(this.page, answers);
    await press(this.page, "保存并继续");
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

  async submit(path) {
    await this.page.goto(this.at(`${path}/steps/summary`));
    await press(this.page, "提交申请");
  }

  async state(name) {
    await headed(this.page, name);
  }

  async logOut() {
    await press(this.page, "退出");
    await follow(this.page, "登录");
  }
}
