// Registering with a mobile, the profile, and passwords (manual rows F-1, F-2, C-1, C-2).

import assert from "node:assert/strict";
import { field, fill, follow, headed, press, typed } from "../../lib/forms.mjs";
import { Applicant } from "./applicant.mjs";
import { handler, unit } from "./people.mjs";

const SECOND_PASSWORD = "wu-yi-shan-cha-1";

export async function registering({ world, browser, report, eyes, story }) {
  const page = await browser.person();
  const applicant = new Applicant(world, page, { ...handler });
  story.applicant = applicant;

  await report.step("the site has a look of its own, and says what can be done", async () => {
    await page.goto(applicant.at("/"));
    await page.getByRole("main").getByText("企业证书新办").first().waitFor();
    await eyes.look(page, "fujian-home");
  });
  await report.check("pages that anybody may read", async () => {
    for (const [address, name] of [
      ["/services", "fujian-services"],
      ["/services/fujian/new-enterprise", "fujian-service-new"],
      ["/services/fujian/renew-enterprise", "fujian-service-renewal"],
      ["/help", "fujian-help"],
      ["/downloads", "fujian-downloads"],
      ["/register", "fujian-register"],
    ]) {
      await page.goto(applicant.at(address));
      await eyes.look(page, name);
    }
  });
  await report.step("registers with a mobile, a code by SMS and a password", async () => {
    await applicant.register();
  });
  await report.step("logs out and in with mobile and password", async () => {
    await applicant.logOut();
    await applicant.logIn();
  });
  await report.step("the mobile is shown with its middle hidden", async () => {
    await page.goto(applicant.at("/profile"));
    await page.getByText(`${handler.mobile.slice(0, 3)}****${handler.mobile.slice(7)}`).first().waitFor();
    assert(!(await page.locator("header").innerText()).includes(handler.mobile));
  });
  await report.step("the profile is filled in once", async () => {
    await page.goto(applicant.at("/profile/edit"));
    await fill(page, { 单位名称: unit.name, 统一社会信用代码: unit.uscc, 联系人姓名: handler.name, 邮箱: handler.email });
    await press(page, "保存资料");
    await page.getByText(unit.name).first().waitFor();
    await eyes.look(page, "fujian-profile");
  });
}

export async function passwords({ world, browser, report, eyes, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("the password is changed with the old one", async () => {
    await page.goto(applicant.at("/profile/password"));
    await fill(page, { 原密码: applicant.person.password, 新密码: SECOND_PASSWORD, 再次输入新密码: SECOND_PASSWORD });
    await press(page, "修改密码");
    await page.getByText(/密码已(修改|更新)/).waitFor();
    applicant.person.password = SECOND_PASSWORD;
  });
  await report.step("a forgotten password is set anew by SMS, and every other window is logged out", async () => {
    const other = new Applicant(world, await browser.person(), applicant.person);
    other.codes = applicant.codes;
    await other.page.goto(other.at("/login"));
    await follow(other.page, "忘记密码");
    await fill(other.page, { 登录名: handler.mobile });
    await other.answerSum();
    await other.proveMobile();
    await fill(other.page, { 新密码: handler.password, 再次输入新密码: handler.password });
    await press(other.page, "设置新密码");
    await other.page.getByText("新密码已生效").waitFor();
    await page.goto(applicant.at("/cases"));
    await headed(page, /登录/);
    await eyes.look(page, "fujian-logged-out");
    applicant.person.password = handler.password;
    await applicant.logIn();
    assert.equal((await typed(await opened(page, applicant.at("/profile/edit")), ["联系人姓名"])).联系人姓名, handler.name);
  });
}

/** Late in the journey: a mobile gets one code a minute. */
export async function registeringAgain({ world, browser, report, eyes }) {
  await report.step("the same mobile does not register twice", async () => {
    const second = new Applicant(world, await browser.person(), handler);
    second.codes = (await world.simulators.texts(handler.mobile)).filter((text) => text.template === second.code).length;
    await second.page.goto(second.at("/register"));
    await fill(second.page, { 手机号: handler.mobile });
    await second.answerSum();
    // Whoever has the phone learns it only with the code: nobody else can ask which mobiles are registered.
    await second.proveMobile();
    await fill(second.page, { 密码: handler.password, 再次输入密码: handler.password });
    await second.page.getByRole("checkbox", { name: "我已阅读并同意" }).check();
    await press(second.page, "注册");
    await second.page.locator(".error-summary").getByText(/已注册/).waitFor();
    await eyes.look(second.page, "fujian-register-twice");
    await second.page.context().close();
  });
}

async function opened(page, address) {
  await page.goto(address);
  await field(page, "联系人姓名").waitFor();
  return page;
}
