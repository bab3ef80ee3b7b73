// The people and units of the journey; all made up.

import { identityNumber, uscc } from "../../lib/numbers.mjs";

/** Who handles the applications of two units, and has a certificate of her own. */
export const handler = {
  name: "林雅婷",
  number: identityNumber("35010219910612232"),
  mobile: "13705910001",
  password: "min-jiang-kou-2026",
  email: "linyating@rongcheng-keji.example.cn",
  address: "福建省福州市鼓楼区五四路 100 号",
};

/** Who keeps the books of units, and has their certificates' files. */
export const bookkeeper = {
  name: "黄晓梅",
  number: identityNumber("35010319880415246"),
  mobile: "13705910002",
  password: "wu-long-jiang-2026",
  email: "huangxiaomei@jizhang.example.cn",
  address: "福建省福州市台江区五一中路 66 号",
};

export const unit = {
  name: "福州榕城科技有限公司",
  uscc: uscc("91350100MA2Y3K7H5"),
  legal: { name: "陈国栋", number: identityNumber("35010419751103157") },
  region: "福建省 福州市",
  address: handler.address,
};

export const otherUnit = {
  name: "厦门鹭岛贸易有限公司",
  uscc: uscc("91350200MA33F8QW1"),
  legal: { name: "苏海燕", number: identityNumber("35020319800229148") },
  region: "福建省 厦门市",
  address: "福建省厦门市思明区湖滨南路 8 号",
};

/** The answers to an enterprise's form, by label. */
export const ofUnit = (unit, years = "1 年") => ({
  单位名称: unit.name,
  统一社会信用代码: unit.uscc,
  所在地区: unit.region,
  单位地址: unit.address,
  法定代表人姓名: unit.legal.name,
  法定代表人身份证号码: unit.legal.number,
  经办人姓名: handler.name,
  经办人身份证号码: handler.number,
  经办人手机: handler.mobile,
  经办人邮箱: handler.email,
  证书年限: years,
});

/** The answers to a person's form, by label. */
export const ofPerson = (person) => ({
  姓名: person.name,
  身份证号码: person.number,
  手机: person.mobile,
  邮箱: person.email,
  所在地区: "福建省 福州市",
  联系地址: person.address,
  证书年限: "1 年",
});
