/**
 * What a person has read: marks kept by the browser for each person and channel, and what is unread by them.
 */

import { isDirect } from "./state.js";

const storage = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // A full or forbidden storage costs the markers, nothing else.
    }
  },
};

/** The marks of everybody in one workspace. */
export class ReadMarks {
  /** @param {object} workspace - whose viewer reads */
  constructor(workspace) {
    this.workspace = workspace;
  }

  #readKey() {
    return `sandbox-read/${this.workspace.team.id}/${this.workspace.viewer}`;
  }

  /** The ts up to which the viewer has read a channel; "" for never. */
  upTo(channelId) {
    return storage.read(this.#readKey())?.[channelId] ?? "";
  }

  /** Remember that the viewer has read a channel up to its newest message. */
  mark(channel) {
    const last = channel.messages.at(-1)?.ts ?? "";
    const marks = storage.read(this.#readKey()) ?? {};
    if (!last || marks[channel.id] === last) return false;
    storage.write(this.#readKey(), { ...marks, [channel.id]: last });
    return true;
  }

  /** Count what is unread in a channel and how much of it names the viewer. */
  unread(channel) {
    const mark = this.upTo(channel.id);
    const fresh = channel.messages.filter((message) => message.ts > mark && message.user !== this.workspace.viewer);
    const named = fresh.filter((message) => isDirect(channel) || mentions(message, this.workspace.viewer) || message.ephemeral_to === this.workspace.viewer);
    return { count: fresh.length, named: named.length };
  }

  /** Count messages in sight of the viewer that name another person and which that person has not read. */
  waitingFor(userId) {
    const marks = storage.read(`sandbox-read/${this.workspace.team.id}/${userId}`) ?? {};
    let count = 0;
    for (const channel of this.workspace.channels.values()) {
      if (isDirect(channel)) continue;
      count += channel.messages.filter((message) => message.ts > (marks[channel.id] ?? "") && message.user !== userId && mentions(message, userId)).length;
    }
    return count;
  }
}

const named = new WeakMap();

/** Tell whether a message names a person; looked for once in a message, since counting unread ones asks often. */
function mentions(message, userId) {
  let ids = named.get(message);
  if (!ids) {
    const written = `${message.text ?? ""}${message.blocks?.length ? JSON.stringify(message.blocks) : ""}`;
    ids = new Set([...written.matchAll(/<@([A-Z0-9]+)|"user_id":"([A-Z0-9]+)"/g)].map(([, token, rich]) => token ?? rich));
    named.set(message, ids);
  }
  return ids.has(userId);
}
