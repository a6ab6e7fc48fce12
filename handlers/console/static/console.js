// The console's own script: what is live, the keyboard, dialogs. Everything else is htmx and HTML.
// It builds no markup from data: what it shows is text.
"use strict";

(() => {
  const by = (id) => document.getElementById(id);
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

  // --- times in the reader's own zone ------------------------------------------------------

  const near = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const far = new Intl.DateTimeFormat(undefined, {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });
  function localTimes(within) {
    for (const one of all("time[datetime]:not([data-local])", within)) {
      const at = new Date(one.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      one.title = one.textContent;
      one.dataset.local = "";
      const today = at.toDateString() === new Date().toDateString();
      one.textContent = today ? near.format(at) : far.format(at);
    }
  }

  // --- lines that say what happened ----------------------------------------------------------

  const GOOD_MS = 6000;
  let quiet = 0;
  function heard() {
    const said = by("said");
    clearTimeout(quiet);
    if (said?.querySelector(".good")) {
      quiet = setTimeout(() => said.replaceChildren(), GOOD_MS);
    }
  }

  // --- the selected card ------------------------------------------------------------------------

  const cards = () => all("article.card[data-proposal]");
  let selected = null;
  let movedAt = -Infinity;
  let place = 0;

  function select(card, focus = true) {
    for (const one of cards()) one.classList.toggle("selected", one === card);
    selected = card ? card.dataset.proposal : null;
    place = card ? cards().indexOf(card) : 0;
    if (card && focus) {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest" });
    }
  }
  const chosen = () => cards().find((one) => one.dataset.proposal === selected) ?? null;

  function step(by_) {
    const shown = cards();
    if (!shown.length) return;
    const at = shown.indexOf(chosen());
    const next = at < 0 ? (by_ > 0 ? 0 : shown.length - 1) : at + by_;
    select(shown[Math.min(Math.max(next, 0), shown.length - 1)]);
  }

  function press(key) {
    const shown = cards();
    const card = chosen() ?? (shown.length === 1 && document.body.contains(by("proposal")) ? shown[0] : null);
    // A card that has just moved up under the finger was not read yet.
    if (!card || performance.now() - movedAt < 500) return;
    card.querySelector(`button[data-key="${key}"]`)?.click();
  }

  function afterSwap() {
    localTimes(document);
    heard();
    const waiting = by("inbox")?.dataset.waiting;
    const count = by("inbox-count");
    if (waiting !== undefined && count) {
      count.textContent = waiting;
      count.hidden = waiting === "0";
    }
    if (selected && !chosen()) {
      // Decided, here or elsewhere: the one that has taken its place.
      const shown = cards();
      movedAt = performance.now();
      select(shown[Math.min(place, shown.length - 1)] ?? null, !by("sheet")?.open);
    } else if (selected) {
      select(chosen(), false);
    }
  }

  // --- dialogs -------------------------------------------------------------------------------------

  function openSheet() {
    const sheet = by("sheet");
    by("sheet-said").replaceChildren();
    if (!sheet.open) sheet.showModal();
    const wrong = sheet.querySelector("[aria-invalid], .error + input, textarea, select, input:not([type=hidden])");
    wrong?.focus();
  }
  function closeSheet() {
    const sheet = by("sheet");
    if (sheet?.open) sheet.close();
    by("sheet-body")?.replaceChildren();
  }

  // --- live --------------------------------------------------------------------------------------------

  // However fast the news, a page is asked for so often at most; figures cost more than cards.
  const SOON_MS = 200;
  const SLOWLY_MS = 4000;
  const waiting = {};
  function tell(name, ms) {
    waiting[name] ??= setTimeout(() => {
      delete waiting[name];
      document.body.dispatchEvent(new CustomEvent(name));
    }, ms);
  }
  function refresh() {
    tell("desk-changed", SOON_MS);
    tell("desk-changed-slowly", SLOWLY_MS);
  }
  function live(state, words) {
    const sign = by("live");
    if (!sign) return;
    sign.dataset.state = state;
    sign.title = words;
    if (by("live-words").textContent !== words) by("live-words").textContent = words;
  }
  function listen(address) {
    const source = new EventSource(address);
    let lost = false;
    source.addEventListener("open", () => {
      live("on", "Live");
      // What happened meanwhile was not heard.
      if (lost) refresh();
      lost = false;
    });
    source.addEventListener("change", refresh);
    source.addEventListener("over", () => {
      source.close();
      location.assign("/console/login");
    });
    source.addEventListener("error", () => {
      lost = true;
      live("off", "Reconnecting");
    });
    addEventListener("pagehide", () => source.close());
  }

  // --- wiring --------------------------------------------------------------------------------------------

  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail?.ctx?.target;
    if (by("sheet-body")?.children.length && (target?.id === "sheet-body" || target === "#sheet-body")) openSheet();
    afterSwap();
  });
  document.body.addEventListener("desk-decided", () => {
    closeSheet();
    if (location.pathname.startsWith("/console/proposals/")) location.assign("/console");
    else refresh();
  });
  document.body.addEventListener("desk-refused", refresh);

  document.addEventListener("click", (event) => {
    const target = event.target;
    if (!(target instanceof Element)) return;
    if (target.closest("[data-close]")) {
      if (by("sheet")?.open) closeSheet();
      else location.assign("/console");
      return;
    }
    if (target.closest("#help-open")) {
      by("help").showModal();
      return;
    }
    const card = target.closest("article.card[data-proposal]");
    if (card) select(card, false);
  });
  document.addEventListener("focusin", (event) => {
    const card = event.target instanceof Element ? event.target.closest("article.card[data-proposal]") : null;
    if (card && card.dataset.proposal !== selected) select(card, false);
  });
  by("sheet")?.addEventListener("close", () => {
    by("sheet-body").replaceChildren();
    chosen()?.focus({ preventScroll: true });
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    const target = event.target;
    const typing = target instanceof Element && target.closest("input, textarea, select, [contenteditable]");
    if (typing || document.querySelector("dialog[open]")) return;
    switch (event.key) {
      case "j": step(1); break;
      case "k": step(-1); break;
      case "a": case "e": case "r": press(event.key); break;
      case "Enter":
        if (target === chosen()) target.querySelector("h2 a")?.click();
        else return;
        break;
      case "?": by("help")?.showModal(); break;
      default: return;
    }
    event.preventDefault();
  });

  localTimes(document);
  afterSwap();
  if (document.body.dataset.live) listen(document.body.dataset.live);
})();
