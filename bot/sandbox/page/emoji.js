/**
 * Emoji by Slack's short names (the iamcal set, in vendor/), and the picker that offers them all.
 */

import { h } from "./dom.js";
import { openPopover } from "./overlay.js";
import { NAMES } from "./vendor/emoji-names.js";

const BY_NAME = new Map(NAMES.split("\n").map((line) => line.split(" ")));

// Modifiers of skin, from ::skin-tone-2 (light) to ::skin-tone-6 (dark).
const TONES = ["🏻", "🏼", "🏽", "🏾", "🏿"];

/** Return the character of a short name (skin tone suffix `::skin-tone-3` understood), or null when it is not known. */
export function emojiOf(name) {
  const [base, tone] = String(name).toLowerCase().split("::skin-tone-");
  const found = BY_NAME.get(base);
  if (!found) return null;
  if (!tone || !TONES[tone - 2]) return found;
  const [first, ...rest] = found.replaceAll("\ufe0f", "");
  return first + TONES[tone - 2] + rest.join("");
}

/** Return up to `limit` names that contain the text, those that start with it first. */
export function findEmoji(text, limit = 64) {
  const wanted = text.trim().toLowerCase().replace(/^:|:$/g, "").replace(/\s+/g, "_");
  const starts = [];
  const contains = [];
  const seen = new Set();
  for (const [name, character] of BY_NAME) {
    const at = name.indexOf(wanted);
    if (at < 0 || seen.has(character)) continue;
    seen.add(character);
    (at === 0 ? starts : contains).push(name);
  }
  const short = (a, b) => a.length - b.length;
  return [...starts.sort(short), ...contains.sort(short)].slice(0, limit);
}

/** Open the picker at an anchor; `choose(name)` gets Slack's short name, with a skin tone where one was chosen. */
export async function pickEmoji(anchor, choose, label = "Choose a reaction") {
  const popover = openPopover(anchor, h("div", { class: "blank", role: "status" }, "Fetching emoji…"), { label, className: "emoji-popover" });
  const { default: Picker } = await import("./vendor/emoji-picker/picker.js");
  if (!popover.element.isConnected) return;
  // Not every machine has a font for the newest ones; a given version spares the picker a test that needs one.
  const picker = new Picker({ dataSource: "/page/vendor/emoji-picker/data.json", locale: "en", emojiVersion: 15 });
  picker.addEventListener("emoji-click", ({ detail }) => {
    const [name] = detail.emoji.shortcodes;
    popover.close();
    choose(detail.skinTone ? `${name}::skin-tone-${detail.skinTone + 1}` : name);
  });
  popover.replace(picker);
  const ready = new MutationObserver(() => focusSearch());
  const focusSearch = () => {
    const search = picker.shadowRoot.querySelector("#search");
    if (!search) return;
    ready.disconnect();
    search.focus();
    popover.update();
  };
  ready.observe(picker.shadowRoot, { childList: true, subtree: true });
  focusSearch();
}
