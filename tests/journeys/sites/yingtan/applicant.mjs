// What an applicant does on the site of the project, beyond what is alike everywhere.

import { Applicant as Anyone } from "../../lib/applicant.mjs";
import { fill, headed, press } from "../../lib/forms.mjs";

/** Template of the SMS with a code, as in sites/jiangxi/site.toml. */
const CODE = "SMS_100001";

export class Applicant extends Anyone {
  constructor(world, page, unit) {
    super(world, page, "yingtan", CODE, unit.mobile);
    this.unit = unit;
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

  async begin() {
    return super.begin("yingtan/new-certificate");
  }

  /** Fills in the form of an application and saves it. */
  async fillOrder(path, answers) {
    await this.page.goto(this.at(`${path}/steps/order`));
    await fill(this.page, answers);
    await press(this.page, "保存并继续");
  }

  async submit(path) {
    await this.page.goto(this.at(`${path}/steps/summary`));
    await press(this.page, "提交申请");
  }
}
