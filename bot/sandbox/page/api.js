/**
 * Talk to the sandbox's control API under /_sandbox/: JSON in, JSON out, and a stream of changes.
 */

const ROOT = "/_sandbox/";

/** An answer that was not a success; `message` is safe to show. */
export class ApiError extends Error {
  /** @param {string} code - machine word, such as "unknown_command"  @param {string} message  @param {number} status */
  constructor(code, message, status, body = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.body = body;
  }
}

async function call(method, path, { query, body, file } = {}) {
  const url = new URL(ROOT + path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  if (file) options.body = file;
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new ApiError("unreachable", "The workspace does not answer. Is it still running?", 0);
  }
  const text = await response.text();
  let answer;
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    throw new ApiError("bad_reply", `The workspace answered ${response.status} with something that is no JSON.`, response.status);
  }
  if (!response.ok || answer.ok === false) {
    const code = answer.error ?? `http_${response.status}`;
    throw new ApiError(code, answer.message ?? code, response.status, answer);
  }
  return answer;
}

/** GET /_sandbox/<path>. */
export const get = (path, query) => call("GET", path, { query });

/** POST a JSON body to /_sandbox/<path>. */
export const post = (path, body) => call("POST", path, { body });

/** Upload a file of a person's; resolves to its file object. */
export const upload = async (user, file) => (await call("POST", "files", { query: { user, name: file.name }, file })).file;

/**
 * Follow the stream of changes, reconnecting for ever with a growing pause.
 *
 * @param {{query?: object, change: Function, open: Function, lost: Function}} handlers - change(data) for each change,
 *   open() on each connection, lost() when it breaks
 * @returns {Function} stops following
 */
export function follow({ query, change, open, lost }) {
  let source = null;
  let timer = 0;
  let pause = 500;
  let stopped = false;
  const connect = () => {
    const url = new URL(`${ROOT}stream`, location.origin);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    source = new EventSource(url);
    source.addEventListener("open", () => {
      pause = 500;
      open();
    });
    source.addEventListener("change", (event) => change(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      source.close();
      if (stopped) return;
      lost();
      timer = setTimeout(connect, pause);
      pause = Math.min(pause * 2, 5000);
    });
  };
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}
