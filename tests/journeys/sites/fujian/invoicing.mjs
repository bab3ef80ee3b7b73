// An invoice that finance has issued elsewhere (manual row F-9).

import assert from "node:assert/strict";
import path from "node:path";
import { download, field, follow, headed, press, refused } from "../../lib/forms.mjs";
import { until } from "../../lib/processes.mjs";
import { textOf } from "../../lib/tools.mjs";
import { handler, unit } from "./people.mjs";

const NUMBER = "26352000000012345678";

export async function invoicingByHand({ world, report, eyes, files, pictures, story }) {
  const { applicant, finance } = story;
  const { page } = applicant;
  const desk = finance.page;
  const [, paid] = story.paidOnline;
  const invoice = await pictures.pdf("已开发票.pdf", "电子发票", [unit.name, NUMBER]);

  await report.step("the order that waits for its invoice takes one by hand; what is wrong is said", async () => {
    await desk.goto(finance.at(`/console${paid}`));
    await follow(desk, "上传发票");
    await headed(desk, "上传已开具的发票");
    await eyes.look(desk, "fujian-console-invoice-upload");
    await field(desk, "发票号码").fill("123");
    await field(desk, "发票文件").setInputFiles(path.join(files, "汇款底单.jpg"));
    await press(desk, "上传发票");
    await refused(desk, "发票号码", /20 位或 8 位/);
    await field(desk, "发票号码").fill(NUMBER);
    await field(desk, "发票文件").setInputFiles(path.join(files, "汇款底单.jpg"));
    await press(desk, "上传发票");
    await refused(desk, "发票文件", /./);
    assert.equal(await field(desk, "发票号码").inputValue(), NUMBER);
    await eyes.look(desk, "fujian-console-invoice-upload-refused");
  });
  await report.step("the invoice is in the order, and comes by mail", async () => {
    await field(desk, "发票文件").setInputFiles(invoice);
    await press(desk, "上传发票");
    await desk.getByText(NUMBER).first().waitFor();
    await desk.goto(finance.at("/console/invoices?state=issued"));
    await desk.getByText(NUMBER).waitFor();
    await eyes.look(desk, "fujian-console-invoices-issued");
    await page.goto(applicant.at(paid));
    const file = path.join(files, "下载的发票.pdf");
    await download(page, page.getByRole("link", { name: /下载发票/ }).first(), file);
    assert.match(await textOf(file), new RegExp(NUMBER));
    await until("no mail with the uploaded invoice came", async () =>
      (await world.mailbox.mails()).some(
        (mail) => mail.to.includes(handler.email) && mail.text.includes(NUMBER) && mail.attachments.length === 1,
      ),
    );
  });
  await report.step("the number of one order's invoice is not taken for another's", async () => {
    const [other] = story.paidOnline;
    await desk.goto(finance.at(`/console${other}/invoice`));
    await field(desk, "发票号码").fill(NUMBER);
    await field(desk, "发票文件").setInputFiles(invoice);
    await press(desk, "上传发票");
    await refused(desk, "发票号码", /已经用于订单/);
  });
}
