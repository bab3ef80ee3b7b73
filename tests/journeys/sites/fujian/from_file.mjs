// A renewal begun from the certificate's file, by somebody who has it and nothing else (manual row F-11).

import assert from "node:assert/strict";
import path from "node:path";
import { field, fill, follow, headed, press, refused, typed } from "../../lib/forms.mjs";
import { Applicant } from "./applicant.mjs";
import { bookkeeper, unit } from "./people.mjs";
import { hand } from "./renewing.mjs";

const RENEW = "/services/fujian/renew-enterprise/new";
const BY_FILE = "上传证书文件";

export async function fromFile({ world, browser, report, eyes, files, story }) {
  const applicant = new Applicant(world, await browser.person(), { ...bookkeeper });
  const { page } = applicant;
  const byFile = page.getByRole("radio", { name: BY_FILE });

  await report.step("who has no certificate yet is asked for its file", async () => {
    await applicant.register();
    await page.goto(applicant.at(RENEW));
    assert(await byFile.isChecked());
    assert.equal(await page.getByRole("radio").count(), 1);
    await eyes.look(page, "fujian-renewal-by-file");
  });
  await report.step("without a file, and with a wrong one, the page says what to do; the choice stays", async () => {
    await press(page, "下一步");
    await refused(page, "证书文件", /请选择证书文件/);
    await field(page, "证书文件").setInputFiles(path.join(files, "fujian-certificates", `${unit.name}-0.csr`));
    await press(page, "下一步");
    await refused(page, "证书文件", /这是证书请求，不是证书/);
    assert(await byFile.isChecked());
    await eyes.look(page, "fujian-renewal-file-refused");
    await page.goto(applicant.at("/cases"));
    await page.getByText("还没有申请").waitFor();
  });
  await report.step("the right file leads to a form that is filled in from it", async () => {
    await page.goto(applicant.at(RENEW));
    await field(page, "证书文件").setInputFiles(story.certificate);
    await press(page, "下一步");
    await headed(page, "填写中");
    story.byFile = new URL(page.url()).pathname;
    await applicant.agree(story.byFile);
    await page.goto(applicant.at(`${story.byFile}/steps/application`));
    const known = { 单位名称: unit.name, 统一社会信用代码: unit.uscc, 证书序列号: story.serial };
    assert.deepEqual(await typed(page, Object.keys(known)), known);
    await eyes.look(page, "fujian-renewal-by-file-form");
  });
  await report.step("it is submitted", async () => {
    await hand(applicant, story.byFile, story.scans);
    await page.goto(applicant.at("/certificates"));
    await page.getByText("已绑定").first().waitFor();
  });
  await report.step("it is withdrawn, and the page for that speaks of nothing else", async () => {
    await page.goto(applicant.at(story.byFile));
    await follow(page, "撤回申请");
    await fill(page, { 撤回的原因: "由单位自己办理。" });
    assert.equal(await page.getByText("我们正在审核").count(), 0);
    await eyes.look(page, "fujian-withdraw-renewal");
    await press(page, "撤回申请");
    await headed(page, "已关闭");
    await page.context().close();
  });
}
