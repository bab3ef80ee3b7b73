// The unit that applies, and its people. The names are made up; one has a character that many fonts lack.

import { identityNumber, uscc } from "../../lib/numbers.mjs";

export const unit = {
  name: "鹰潭市信江建设有限公司",
  uscc: uscc("91360600MA35XYWT0"),
  mobile: "13870112233",
  password: "xinjiang-qiao-1987",
  legal: { name: "王䶮", number: identityNumber("36060219700315101") },
  handler: { name: "饶丽君", number: identityNumber("36062219880926204") },
  email: "caiwu@xinjiang-jianshe.example.cn",
  address: "江西省鹰潭市月湖区胜利西路 18 号",
};

/** A second unit, which uses a browser without scripts. */
export const other = {
  ...unit,
  name: "贵溪市龙虎山园林工程有限公司",
  uscc: uscc("91360681MA38KQ7N2"),
  mobile: "13970145566",
  legal: { name: "张济民", number: identityNumber("36068119651102301") },
  handler: { name: "欧阳娜", number: identityNumber("36068119930418402") },
  email: "longhushan@yuanlin.example.cn",
};

/** The answers to the application's form, by label. */
export const order = (unit, kind) => ({
  锁的种类: kind,
  单位名称: unit.name,
  统一社会信用代码: unit.uscc,
  法定代表人姓名: unit.legal.name,
  法定代表人身份证号码: unit.legal.number,
  经办人姓名: unit.handler.name,
  经办人身份证号码: unit.handler.number,
  经办人手机: unit.mobile,
  发票抬头: unit.name,
  纳税人识别号: unit.uscc,
  接收电子发票的邮箱: unit.email,
  收件人姓名: unit.handler.name,
  收件人手机: unit.mobile,
  收件地址: unit.address,
});
