/**
 * Copy what the page takes from npm into bot/sandbox/page/vendor, and what its tests take into tests/page/vendor.
 *
 * Run by `make page` after `npm ci`; `--check` only tells whether the committed files are what would be written. The files are those the
 * packages publish, less source map comments; one is made here: emoji-names.js, the characters by Slack's short names.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "..", "..");
const PAGE = "bot/sandbox/page";
const VENDOR = `${PAGE}/vendor`;

const installed = (path) => readFileSync(join(HERE, "node_modules", path), "utf8");
const published = (path) => installed(path).replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, "\n");
const digest = (text) => createHash("sha256").update(text).digest("base64");

/** The emoji that have a name in Slack: its names are those of the iamcal set. */
const emoji = () => JSON.parse(installed("emoji-picker-element-data/en/iamcal/data.json")).filter((one) => one.shortcodes?.length);

/** Short name -> character, as an ES module. */
function emojiNames() {
  const names = emoji().flatMap((one) => one.shortcodes.map((name) => [name, one.emoji]));
  const lines = names.sort(([a], [b]) => (a < b ? -1 : 1)).map((pair) => pair.join(" "));
  return `// Made by tools/page/build.mjs from emoji-picker-element-data (iamcal): one "name character" a line.\nexport const NAMES = \`${lines.join("\n")}\`;\n`;
}

function licences(lock) {
  const shipped = Object.entries(lock.packages).filter(([path, entry]) => path && !entry.dev);
  return shipped.map(([path, { version, license }]) => `${path.replace("node_modules/", "")} ${version} (${license})\n\n${installed(`${path.replace("node_modules/", "")}/LICENSE`).trim()}\n`).join(`\n${"-".repeat(80)}\n\n`);
}

/** The style sheet that the picker puts into its shadow tree; the page's policy names it by its hash. */
async function pickerStyle() {
  let style = "";
  const made = { set textContent(text) { style = text; } };
  globalThis.document = { createElement: () => made };
  globalThis.requestAnimationFrame = () => 0;
  globalThis.Element = class {};
  globalThis.customElements = { get: () => undefined, define: () => undefined };
  globalThis.HTMLElement = class {
    attachShadow() {
      this.shadowRoot = { appendChild: () => { throw new RangeError("seen"); } };
    }
  };
  const { default: Picker } = await import("emoji-picker-element/picker.js");
  try {
    new Picker();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  if (!style) throw new Error("emoji-picker-element makes its style sheet in another way now: look at its constructor");
  return style;
}

async function wanted() {
  const lock = JSON.parse(readFileSync(join(HERE, "package-lock.json"), "utf8"));
  const files = {
    [`${VENDOR}/marked.js`]: published("marked/lib/marked.esm.js"),
    [`${VENDOR}/emoji-picker/picker.js`]: published("emoji-picker-element/picker.js"),
    [`${VENDOR}/emoji-picker/database.js`]: published("emoji-picker-element/database.js"),
    [`${VENDOR}/emoji-picker/data.json`]: JSON.stringify(emoji()),
    [`${VENDOR}/emoji-names.js`]: emojiNames(),
    [`${VENDOR}/LICENSES.txt`]: licences(lock),
    "tests/page/vendor/axe.min.js": published("axe-core/axe.min.js"),
  };
  const packages = Object.fromEntries(Object.entries(lock.packages).filter(([path]) => path).map(([path, entry]) => [path.replace("node_modules/", ""), { version: entry.version, integrity: entry.integrity }]));
  const sums = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, createHash("sha256").update(text).digest("hex")]));
  files[`${VENDOR}/contents.json`] = `${JSON.stringify({ packages, files: sums }, null, 2)}\n`;
  const page = readFileSync(join(ROOT, PAGE, "index.html"), "utf8");
  files[`${PAGE}/index.html`] = page.replace(/style-src 'self'(?: 'sha256-[^']+')?/, `style-src 'self' 'sha256-${digest(await pickerStyle())}'`);
  return files;
}

function current(path) {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch {
    return null;
  }
}

const files = await wanted();
if (process.argv.includes("--check")) {
  const stale = Object.keys(files).filter((path) => current(path) !== files[path]);
  if (stale.length) {
    console.error(`Not what the packages hold: ${stale.join(", ")}. Run \`make page\`.`);
    process.exit(1);
  }
} else {
  rmSync(join(ROOT, VENDOR), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
  }
  console.log(`Wrote ${Object.keys(files).length} files.`);
}
