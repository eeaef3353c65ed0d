/**
 * Show times in the reader's own zone and language.
 */

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const TIME = format({ hour: "2-digit", minute: "2-digit" });
const SECONDS = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = format({ weekday: "long", day: "numeric", month: "long" });
const SHORT = format({ day: "numeric", month: "short", year: "numeric" });
const LONG = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const DATE = format({ day: "numeric", month: "long", year: "numeric" });
const FULL = format({ dateStyle: "full", timeStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const dateOf = (seconds) => new Date(seconds * 1000);

/** Return hours and minutes of a message's ts ("1700000000.000100") or of seconds since 1970. */
export const clockTime = (ts) => TIME.format(dateOf(Number(ts)));

/** Return the whole date and time, for tooltips. */
export const fullTime = (ts) => FULL.format(dateOf(Number(ts)));

/** Return a machine-readable time. */
export const isoTime = (ts) => dateOf(Number(ts)).toISOString();

/** Return a key that is the same for all messages of one calendar day of the reader. */
export function dayKey(ts) {
  const date = dateOf(Number(ts));
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** Return "Today", "Yesterday" or the weekday and date. */
export function dayName(ts, now = Date.now()) {
  const key = dayKey(ts);
  if (key === dayKey(now / 1000)) return "Today";
  if (key === dayKey(now / 1000 - 86400)) return "Yesterday";
  return DAY.format(dateOf(Number(ts)));
}

/** Return "3 minutes ago" or the like. */
export function ago(seconds, now = Date.now()) {
  const delta = seconds - now / 1000;
  const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];
  const [, unit, size] = steps.find(([limit]) => Math.abs(delta) < limit);
  return RELATIVE.format(Math.round(delta / size), unit);
}

/**
 * Fill a `<!date^…>` format; return the fallback where the stamp is no number.
 *
 * Tokens: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
 */
export function formatDate(seconds, template, fallback) {
  if (!Number.isFinite(seconds) || !template) return fallback;
  const date = dateOf(seconds);
  if (Number.isNaN(date.getTime())) return fallback;
  const pretty = (plain) => {
    const name = dayName(seconds);
    return ["Today", "Yesterday"].includes(name) ? name.toLowerCase() : plain.format(date);
  };
  const tokens = {
    date_num: () => date.toLocaleDateString("sv"),
    date: () => DATE.format(date),
    date_short: () => SHORT.format(date),
    date_long: () => LONG.format(date),
    date_long_full: () => LONG.format(date),
    date_pretty: () => pretty(DATE),
    date_short_pretty: () => pretty(SHORT),
    date_long_pretty: () => pretty(LONG),
    time: () => TIME.format(date),
    time_secs: () => SECONDS.format(date),
    ago: () => ago(seconds),
    day_divider_pretty: () => dayName(seconds),
  };
  return template.replace(/\{([a-z_]+)\}/g, (whole, token) => tokens[token]?.() ?? whole);
}
