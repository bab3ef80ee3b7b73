// Progressive enhancement only: every page works without this file. Sentences come from the page, never from here.

const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- checks while typing; the server checks again

const fold = (text) =>
  text.replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(/[\s\u3000\u200b\ufeff]/g, "");

/** The ISO 7064-like sum of both numbers: weights by place, modulo `m`. */
const weighted = (values, weights, m) => values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0) % m;

const USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const USCC_WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]; // GB 32100
const IDENTITY_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]; // GB 11643

const daysExist = (digits) => {
  const [year, month, day] = [digits.slice(6, 10), digits.slice(10, 12), digits.slice(12, 14)].map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  return year >= 1850 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date <= new Date();
};

/** Each answers the key of a sentence, or "" when the text is right. */
const checks = {
  uscc(text) {
    const code = fold(text).toUpperCase();
    if (code.length !== 18) return "length";
    const values = [...code].map((c) => USCC.indexOf(c));
    if (values.includes(-1)) return "character";
    if (!/^..\d{6}/.test(code)) return "division";
    return values[17] === (31 - weighted(values.slice(0, 17), USCC_WEIGHTS, 31)) % 31 ? "" : "check";
  },
  "identity-number"(text) {
    const number = fold(text).toUpperCase();
    if (number.length !== 18) return "length";
    if (!/^[1-9]\d{16}[\dX]$/.test(number)) return "character";
    if (!daysExist(number)) return "birthday";
    const sum = weighted([...number.slice(0, 17)].map(Number), IDENTITY_WEIGHTS, 11);
    return "10X98765432"[sum] === number[17] ? "" : "check";
  },
  mobile: (text) => (/^(\+86|0086)?1[3-9]\d{9}$/.test(fold(text).replace(/-/g, "")) ? "" : "form"),
  "tax-number"(text) {
    const number = fold(text).toUpperCase();
    return /^[0-9A-Z]+$/.test(number) && [15, 17, 18, 20].includes(number.length) ? "" : "form";
  },
  email: (text) => (/^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(fold(text)) ? "" : "form"),
  postcode: (text) => (/^\d{6}$/.test(fold(text)) ? "" : "form"),
  "tracking-number": (text) => (/^[0-9A-Za-z]{8,32}$/.test(fold(text)) ? "" : "form"),
};

/** How many characters a finished text has; before that nothing is said while typing. */
const finished = { uscc: 18, "identity-number": 18, mobile: 11, postcode: 6 };

function tell(field, sentence) {
  const input = field.querySelector("[data-check]");
  field.classList.toggle("wrong", sentence !== "");
  field.querySelector(".error").textContent = sentence;
  if (sentence) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function watchChecks(root) {
  for (const input of $$("[data-check]", root)) {
    const field = input.closest(".field");
    const check = checks[input.dataset.check];
    if (!field || !check) continue;
    const sentences = JSON.parse(input.dataset.sentences || "{}");
    const look = () => tell(field, input.value.trim() === "" ? "" : (sentences[check(input.value)] ?? ""));
    input.addEventListener("blur", () => input.value.trim() && look());
    input.addEventListener("input", () => {
      if (field.classList.contains("wrong") || fold(input.value).length >= (finished[input.dataset.check] ?? 999)) look();
    });
  }
}

// ---- fields that are asked only when another has a value

function watchConditions(root) {
  const dependents = $$("[data-shown-field]", root);
  if (dependents.length === 0) return;
  const form = dependents[0].closest("form");
  const valueOf = (name) => {
    const named = form.elements.namedItem(name);
    if (!named) return null;
    if (named instanceof RadioNodeList) return [...named].find((i) => i.type !== "hidden" && i.checked)?.value ?? "";
    return named.type === "checkbox" ? (named.checked ? named.value : "") : named.value;
  };
  const apply = () => {
    for (const element of dependents) {
      const value = valueOf(element.dataset.shownField);
      if (value === null) continue; // decided by an earlier step
      element.toggleAttribute("data-unmet", !JSON.parse(element.dataset.shownValues).includes(value));
    }
  };
  form.addEventListener("change", apply);
  apply();
}

// ---- one press, one request

function guardSubmits(root) {
  for (const form of $$("form[method=post]", root)) {
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "1";
      const button = event.submitter;
      setTimeout(() => button?.setAttribute("aria-busy", "true"), 300); // no flicker on a quick answer
    });
  }
}
addEventListener("pageshow", () => {
  for (const form of $$("form[data-sent]")) delete form.dataset.sent;
  for (const button of $$("[aria-busy=true]")) button.removeAttribute("aria-busy");
});

// ---- picture codes: good for one answer, so that each answer brings a new one

function showPicture(form, picture) {
  form.elements.namedItem("_picture").value = picture.id;
  form.elements.namedItem("picture_code").value = "";
  const image = form.querySelector(".picture img");
  if (image && picture.src) image.src = picture.src;
  const question = form.querySelector("[data-question]");
  if (question && picture.question) question.textContent = picture.question;
}

// ---- SMS codes: sent without leaving the page, with a countdown

function watchCodes(root) {
  for (const button of $$("[data-send-code]", root)) {
    const form = button.closest("form");
    const said = document.getElementById(button.dataset.said);
    const label = button.textContent;
    const wait = (seconds) => {
      const until = Date.now() + seconds * 1000;
      const tick = () => {
        const left = Math.ceil((until - Date.now()) / 1000);
        button.disabled = left > 0;
        button.textContent = left > 0 ? button.dataset.again.replace("{seconds}", left) : label;
        if (left > 0) setTimeout(tick, 250);
      };
      tick();
    };
    if (Number(button.dataset.wait)) wait(Number(button.dataset.wait));
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        const response = await fetch(button.formAction, {
          method: "POST",
          body: new URLSearchParams(new FormData(form)),
          headers: { Accept: "application/json" },
        });
        const answer = await response.json();
        said.textContent = answer.sentence ?? "";
        said.classList.toggle("error", !response.ok);
        if (answer.picture) showPicture(form, answer.picture);
        if (answer.field) document.getElementById(answer.field)?.focus();
        if (answer.wait) return wait(answer.wait);
      } catch {
        said.textContent = button.dataset.lost;
        said.classList.add("error");
      }
      button.disabled = false;
    });
  }
  for (const button of $$("[data-new-picture]", root)) {
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      const response = await fetch(button.dataset.newPicture, {
        method: "POST",
        body: new URLSearchParams({ _csrf: button.closest("form").elements.namedItem("_csrf").value }),
        headers: { Accept: "application/json" },
      });
      if (!response.ok) return;
      showPicture(button.closest("form"), await response.json());
      document.getElementById("f-picture_code").focus();
    });
  }
}

// ---- uploads: picked, dropped or taken, checked, sent with progress; the server answers with the item's new HTML

function refusal(file, slot) {
  const kinds = slot.dataset.formats.split(" ");
  const ending = file.name.split(".").pop().toLowerCase();
  if (!kinds.includes(ending)) return slot.dataset.wrongFormat;
  if (file.size > Number(slot.dataset.maxBytes)) {
    return slot.dataset.tooLarge.replace("{size}", (file.size / 1048576).toFixed(1));
  }
  return file.size === 0 ? slot.dataset.emptyFile : "";
}

function send(form, file, slot) {
  const item = form.closest("[data-item]");
  const error = slot.querySelector(".error");
  const progress = slot.querySelector("progress");
  const problem = refusal(file, slot);
  error.textContent = problem;
  slot.classList.toggle("wrong", problem !== "");
  if (problem) return;
  const data = new FormData();
  data.append("_csrf", form.elements.namedItem("_csrf").value);
  data.append("file", file);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("X-Part", "item");
  request.setRequestHeader("X-CSRF-Token", form.elements.namedItem("_csrf").value);
  progress.hidden = false;
  request.upload.onprogress = (event) => event.lengthComputable && (progress.value = event.loaded / event.total);
  const failed = (sentence) => {
    progress.hidden = true;
    error.textContent = sentence || slot.dataset.lost;
  };
  request.onerror = request.onabort = request.ontimeout = () => failed();
  request.onload = () => {
    if (request.getResponseHeader("X-Part") !== "item") return failed(request.status === 413 ? slot.dataset.tooLarge.replace("{size}", (file.size / 1048576).toFixed(1)) : "");
    const id = item.id;
    item.outerHTML = request.responseText;
    const fresh = document.getElementById(id);
    enhance(fresh);
    fresh.querySelector("[data-announce]")?.focus();
  };
  request.send(data);
}

function watchUploads(root) {
  for (const slot of $$("[data-slot]", root)) {
    const form = slot.querySelector("form[data-upload]");
    const input = form?.querySelector("input[type=file]");
    if (!input) continue;
    input.addEventListener("change", () => input.files[0] && send(form, input.files[0], slot));
    for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
      slot.addEventListener(name, (event) => {
        event.preventDefault();
        slot.classList.toggle("over", over);
        if (name === "drop" && event.dataTransfer.files[0]) send(form, event.dataTransfer.files[0], slot);
      });
    }
  }
}

// ---- pages that go on by themselves

/** Something stands in a form of this page that a fresh one would not show. */
function inHand() {
  if (document.querySelector(".error-summary")) return true;
  return $$("form input:not([type=hidden]), form textarea").some((field) =>
    field.type === "file" ? field.files.length > 0 : field.checked !== field.defaultChecked || field.value !== field.defaultValue,
  );
}

function live(element) {
  const { live: address, version, then } = element.dataset;
  let closed = false;
  // Whoever has just clicked a link is not called back by news; where the link was a download, the news is told then. A file
  // that is on its way arrives first.
  const pause = 3000;
  let left = -pause;
  addEventListener("beforeunload", () => { left = performance.now(); });
  const look = (state) => {
    if (closed || String(state.version) === version) return;
    if (performance.now() - left < pause || document.querySelector("[data-slot] progress:not([hidden])")) {
      setTimeout(() => look(state), pause);
      return;
    }
    closed = true;
    // Nobody loses what they have begun to write: they are told, and look when they are ready.
    const news = element.querySelector("[data-news]");
    if (news && inHand()) {
      news.hidden = false;
      return;
    }
    if (state.location || then) location.assign(state.location || then);
    else location.reload();
  };
  const poll = async () => {
    if (closed) return;
    try {
      const response = await fetch(`${address}?poll=1`, { headers: { Accept: "application/json" } });
      if (response.ok) look(await response.json());
    } catch {
      // The network is away; the next round tries again.
    }
    setTimeout(poll, 5000);
  };
  const source = new EventSource(address);
  source.addEventListener("state", (event) => look(JSON.parse(event.data)));
  let failures = 0;
  source.onerror = () => {
    failures += 1;
    if (failures === 3 || source.readyState === EventSource.CLOSED) {
      source.close();
      poll();
    }
  };
  // A tab that was asleep may have missed the event.
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && fetch(`${address}?poll=1`, { headers: { Accept: "application/json" } }).then((r) => r.ok && r.json()).then((s) => s && look(s), () => {}));
  addEventListener("pagehide", () => source.close());
}

function countDown(element) {
  const until = Date.now() + Number(element.dataset.countdown) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    const [minutes, seconds] = [Math.floor(left / 60), left % 60];
    element.textContent = `${String(minutes).padStart(2, "0")}:${String(seconds).padStart(2, "0")}`;
    if (left > 0) setTimeout(tick, 500);
    else if (element.dataset.reload !== undefined) location.reload();
  };
  tick();
}

function small(root) {
  for (const button of $$("[data-print]", root)) button.addEventListener("click", () => print());
  for (const button of $$("[data-copy]", root)) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
    });
  }
  for (const button of $$("[data-reveal]", root)) {
    const input = document.getElementById(button.dataset.reveal);
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
    });
  }
}

function enhance(root) {
  watchChecks(root);
  watchConditions(root);
  guardSubmits(root);
  watchCodes(root);
  watchUploads(root);
  small(root);
}

enhance(document);
$$("[data-live]").forEach(live);
$$("[data-countdown]").forEach(countDown);
document.querySelector(".error-summary")?.focus();
