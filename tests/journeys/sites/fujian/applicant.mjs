// What an applicant does on the Fujian site.

import { Applicant as Anyone } from "../../lib/applicant.mjs";
import { fill, headed, press } from "../../lib/forms.mjs";

/** Template of the SMS with a code, as in sites/fujian/site.toml. */
const CODE = "1400001";

export class Applicant extends Anyone {
  constructor(world, page, person) {
    super(world, page, "fujian", CODE, person.mobile);
    this.person = person;
  }

  async register() {
    const { page, person } = this;
    await page.goto(this.at("/register"));
    await fill(page, { 手机号: person.mobile });
    await this.answerSum();
    await this.proveMobile();
    await fill(page, { 密码: person.password, 再次输入密码: person.password });
    await page.getByRole("checkbox", { name: "我已阅读并同意" }).check();
    await press(page, "注册");
    await page.getByText("注册成功").waitFor();
  }

  async logIn(password = this.person.password) {
    const { page, person } = this;
    await page.goto(this.at("/login"));
    await this.answerSum();
    await fill(page, { 登录名: person.mobile, 密码: password });
    await press(page, "登录");
    await headed(page, "我的申请");
  }

  /** Reads and accepts the agreement. */
  async agree(path) {
    await this.page.goto(this.at(`${path}/steps/agreement`));
    await press(this.page, "我已阅读并同意");
  }

  /** Fills in the form of an application and saves it. */
  async fillIn(path, answers) {
    await this.page.goto(this.at(`${path}/steps/application`));
    await fill(this.page, answers);
    await press(this.page, "保存并继续");
  }

  /** Uploads what the materials step asks for: `[title, file, side?]` each. */
  async uploadAll(path, files) {
    await this.page.goto(this.at(`${path}/steps/materials`));
    for (const [item, file, side] of files) {
      await this.upload(item, file, side);
      await this.uploaded(item, file.split("/").at(-1), side);
    }
  }

  async submit(path) {
    await this.page.goto(this.at(`${path}/steps/summary`));
    await press(this.page, "提交申请单");
  }

  /** From the first page of an application to its submission. Gives its path. */
  async apply(service, answers, scans) {
    const path = await this.begin(`fujian/${service}`);
    await this.agree(path);
    await this.fillIn(path, answers);
    await this.uploadAll(path, scans);
    await this.submit(path);
    await this.state("待审核");
    return path;
  }
}
