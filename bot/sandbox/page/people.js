/**
 * Show people: initials on a colour that stays the same for the same person.
 */

import { h } from "./dom.js";

const HUES = 10;

function hueOf(text) {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return hash % HUES;
}

/** Return up to two initials of a name. */
export function initials(name) {
  const words = String(name || "?").trim().split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? "?"];
  return letters.map((word) => [...word][0].toUpperCase()).join("");
}

/** Return a decorative avatar; the name stands beside it in text. Size: "", "small" or "large". */
export function avatar(user, size = "") {
  const name = user?.real_name || user?.name || "?";
  const kind = user?.is_bot ? " bot" : "";
  const hue = user?.is_slackbot ? "system" : user?.hue ?? hueOf(user?.id ?? name);
  return h("span", { class: `avatar ${size}${kind} hue-${hue}`, "aria-hidden": "true", data: { initials: initials(name) } });
}

/** What a person is here, in words: the role, guest, or another organisation. */
export function standing(user, team) {
  if (!user) return "";
  if (user.is_bot) return "app";
  const foreign = user.team_id && team?.id && user.team_id !== team.id;
  const words = [user.role, user.is_deactivated ? "deactivated" : null, user.is_guest || user.is_restricted ? "guest" : null, foreign ? "other organisation" : null].filter(Boolean);
  return [...new Set(words.map((word) => word.toLowerCase()))].filter((word, at, all) => !all.some((other, index) => index !== at && other.includes(word))).join(" · ");
}
