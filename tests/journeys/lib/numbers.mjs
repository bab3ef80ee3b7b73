// Numbers with check characters, made as their standards say and not as the site does.

/** GB 32100: the 18th character of a unified social credit code. */
export function uscc(first17) {
  const characters = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  const sum = [...first17].reduce((sum, c, place) => sum + characters.indexOf(c) * (3 ** place % 31), 0);
  return first17 + characters[(31 - (sum % 31)) % 31];
}

/** GB 11643: the 18th character of an identity number. */
export function identityNumber(first17) {
  const sum = [...first17].reduce((sum, digit, place) => sum + Number(digit) * (2 ** (17 - place) % 11), 0);
  return first17 + "10X98765432"[sum % 11];
}

/** The number with its last character changed to another one. */
export function withWrongEnd(number) {
  return number.slice(0, -1) + (number.endsWith("1") ? "2" : "1");
}
