/**
 * The workspace as one person sees it: what the server told, what this person has read, and where they are.
 *
 * Other modules listen to its events: "loaded" (everything is new), "channels" (detail.ids changed), "views", "home", "place" (another
 * channel, thread or person), "link" (connected or not), "wire" (something passed over the wire).
 */

import { follow, get } from "./api.js";
import { ReadMarks } from "./reading.js";

const MANY = 40;

/** Everything the page knows; one instance per page. */
export class Workspace extends EventTarget {
  viewer = null;
  team = { id: "", name: "Workspace" };
  users = new Map();
  channels = new Map();
  groups = new Map();
  apps = [];
  views = [];
  hints = [];
  place = { channel: null, thread: null, tab: "messages", app: null, person: null };
  lost = false;
  marks = new ReadMarks(this);
  #everConnected = false;
  #dirty = new Map();
  #all = false;
  #stack = false;
  #flushing = false;
  #stop = null;
  #opened = null;
  #generation = 0;

  emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Follow changes, then load everything for the person in the address (or the first one).
   *
   * The stream comes first, so that nothing falls between the two; what changes meanwhile waits for the load.
   */
  async start() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    this.#flushing = true;
    await new Promise((resolve, reject) => {
      this.#opened = { resolve, reject };
      this.wake();
    });
    await this.#load(wanted.get("viewer"));
    this.#arrive(wanted);
    addEventListener("hashchange", () => this.#fromAddress());
    this.#flush();
  }

  /** Follow changes, and ask for everything that was missed while resting. */
  wake() {
    this.#stop ??= follow({
      open: () => this.#linked(),
      lost: () => this.#lost(),
      change: (change) => this.#changed(change),
    });
  }

  /** Stop following: a browser has six connections for all windows on one workspace, so hidden ones give theirs back. */
  rest() {
    this.#stop?.();
    this.#stop = null;
  }

  #linked() {
    const again = this.#everConnected;
    this.#everConnected = true;
    this.#opened.resolve();
    this.lost = false;
    this.emit("link");
    if (again) this.#mark({ all: true });
  }

  #lost() {
    this.#opened.reject(new Error("Is it still running?"));
    this.lost = true;
    this.emit("link");
  }

  #changed(change) {
    this.emit("wire", change);
    if (change.kind === "delivery") return;
    if (change.kind === "view") {
      if (!change.user || change.user === this.viewer) this.#mark({ views: true });
    } else if (["message", "reaction"].includes(change.kind) && change.channel) this.#mark({ channel: change.channel, ts: change.ts });
    else if (change.kind === "home") this.emit("home", change);
    else this.#mark({ all: true });
  }

  /** Ask again which views are open. */
  refreshViews() {
    this.#mark({ views: true });
  }

  #mark({ channel, ts, views, all }) {
    if (all) this.#all = true;
    if (views) this.#stack = true;
    if (channel) this.#dirty.set(channel, (this.#dirty.get(channel) ?? new Set()).add(ts ?? ""));
    if (!this.#flushing) this.#flush();
  }

  // One request at a time, the first one at once; what changes meanwhile is asked for once, afterwards.
  async #flush() {
    this.#flushing = true;
    try {
      for (let turn = 0; this.#all || this.#stack || this.#dirty.size; turn += 1) {
        if (turn) await new Promise((resolve) => setTimeout(resolve, 15));
        const changed = [...this.#dirty].filter(([id]) => this.channels.has(id));
        const [everything, stack] = [this.#all, this.#stack];
        this.#all = false;
        this.#stack = false;
        this.#dirty.clear();
        if (everything) await this.#load(this.viewer);
        else {
          if (stack) await this.#loadViews();
          if (changed.length) await this.#loadMessages(changed);
        }
      }
    } catch (error) {
      this.emit("trouble", { error });
    } finally {
      this.#flushing = false;
    }
  }

  async #loadViews() {
    const generation = this.#generation;
    const { views } = await get("views", { user: this.viewer });
    if (generation !== this.#generation) return;
    this.views = views;
    this.emit("views");
  }

  // Only what changed is asked for: a channel may hold a thousand cards.
  async #loadMessages(changed) {
    const generation = this.#generation;
    for (const [id, stamps] of changed) {
      const some = !stamps.has("") && stamps.size <= MANY;
      const fresh = await get(`channels/${id}`, { viewer: this.viewer, ts: some ? [...stamps].join(",") : undefined });
      if (generation !== this.#generation) return;
      const kept = some ? this.channels.get(id).messages.filter((message) => !stamps.has(message.ts)) : [];
      this.#put({ ...fresh, messages: [...kept, ...fresh.messages] });
    }
    this.emit("channels", { ids: changed.map(([id]) => id) });
  }

  #put(channel) {
    const messages = [...(channel.messages ?? [])].sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
    this.channels.set(channel.id, { ...this.channels.get(channel.id), ...channel, messages, replies: null });
  }

  async #load(viewer) {
    const generation = ++this.#generation;
    let state;
    try {
      state = await get("state", { viewer: viewer || undefined });
    } catch (error) {
      if (error.status !== 400 && error.status !== 404) throw error;
      state = await get("state");
    }
    if (generation !== this.#generation) return;
    this.users = new Map(state.users.map((user, index) => [user.id, { ...user, hue: (index * 3) % 10 }]));
    const known = state.users.find((user) => user.id === viewer || user.name === viewer);
    const person = known ?? this.people()[0];
    if (!viewer || !known) return void (person && (await this.#load(person.id)));
    this.viewer = person.id;
    this.team = state.team ?? this.team;
    this.apps = state.apps ?? [];
    this.hints = state.hints ?? [];
    this.groups = new Map((state.usergroups ?? []).map((group) => [group.id, group]));
    this.views = state.views ?? [];
    this.channels = new Map();
    for (const channel of state.channels) this.#put(channel);
    this.emit("loaded");
  }

  /** People that can be acted as: no bots. */
  people() {
    return [...this.users.values()].filter((user) => !user.is_bot && !user.is_slackbot && !user.is_deactivated);
  }

  user(id) {
    return this.users.get(id) ?? null;
  }

  userName(id) {
    const user = this.users.get(id);
    return user ? user.real_name || user.name : null;
  }

  groupName(id) {
    const group = this.groups.get(id);
    return group ? `@${group.handle}` : null;
  }

  channelName(id) {
    const channel = this.channels.get(id);
    return channel ? this.title(channel) : null;
  }

  /** What a conversation is called for the viewer. */
  title(channel) {
    if (!isDirect(channel)) return channel.name;
    const other = this.other(channel);
    return this.userName(other) ?? channel.name ?? "Direct message";
  }

  /** The other person of a direct message. */
  other(channel) {
    return channel.user && channel.user !== this.viewer ? channel.user : (channel.members ?? []).find((id) => id !== this.viewer);
  }

  /** The app whose bot user this is. */
  appOf(userId) {
    return this.apps.find((app) => app.bot_user_id === userId) ?? null;
  }

  /** The viewer's direct conversation with an app, if there is one already. */
  directWith(userId) {
    return [...this.channels.values()].find((channel) => isDirect(channel) && this.other(channel) === userId) ?? null;
  }

  /** The app whose tabs are in view, or null. */
  get app() {
    return this.place.app ? this.apps.find((app) => app.id === this.place.app) ?? null : null;
  }

  /** The conversation in view; with an app that the viewer never wrote to there is none yet. */
  get channel() {
    const { app } = this;
    if (app) return this.directWith(app.bot_user_id);
    return this.place.person ? this.directWith(this.place.person) : this.channels.get(this.place.channel) ?? null;
  }

  /** The person in view to whom the viewer never wrote, or null. */
  get stranger() {
    return this.place.person && !this.channel ? this.user(this.place.person) : null;
  }

  /** Messages of the stream: all but replies that were not also sent to the channel. */
  stream(channel) {
    return channel.messages.filter((message) => !isReply(message) || message.subtype === "thread_broadcast" || message.reply_broadcast);
  }

  /** The first message of a thread and its replies. */
  thread(channel, ts) {
    return channel.messages.filter((message) => message.ts === ts || message.thread_ts === ts);
  }

  /** A string that differs when replies of a thread came or went. */
  replyKey(channel, ts) {
    if (!channel.replies) {
      channel.replies = new Map();
      for (const message of channel.messages) {
        if (isReply(message)) channel.replies.set(message.thread_ts, `${channel.replies.get(message.thread_ts) ?? ""}${message.ts},`);
      }
    }
    return channel.replies.get(ts) ?? "";
  }

  /** The file that a `slack_file` object of an image block names, among those shown in messages. */
  file({ id, url }) {
    for (const channel of this.channels.values()) {
      for (const message of channel.messages) {
        const found = message.files?.find((file) => file.id === id || (url && [file.url_private, file.permalink].includes(url)));
        if (found) return found;
      }
    }
    return null;
  }

  /** Become another person; stays in the channel where that person is a member of it. */
  async become(viewer) {
    this.views = [];
    await this.#load(viewer);
    const kept = (this.channels.has(this.place.channel) || this.place.app) && !this.place.person;
    this.go(kept ? {} : { channel: this.#firstChannel(), thread: null, tab: "messages" });
  }

  /** Go somewhere: `{channel, thread, tab, app, person}`; what is not given stays, a new channel closes the thread. */
  go(target) {
    const elsewhere = ["channel", "app", "person"].some((kind) => kind in target && target[kind] !== this.place[kind]) || (this.place.person && "channel" in target);
    this.place = { ...this.place, ...(elsewhere ? { thread: null, tab: "messages", app: null, person: null } : {}), ...target };
    // With somebody one has written to, there is a conversation already.
    const talk = this.place.person && this.directWith(this.place.person);
    if (talk) this.place = { ...this.place, channel: talk.id, person: null };
    // A direct message with an app is shown as the app, with its tabs.
    const direct = this.channels.get(this.place.channel);
    const app = !this.place.app && direct && isDirect(direct) ? this.appOf(this.other(direct)) : null;
    if (app) this.place.app = app.id;
    if (this.place.thread && !this.channel?.messages.some((message) => message.ts === this.place.thread)) this.place.thread = null;
    const hash = new URLSearchParams({ viewer: this.user(this.viewer)?.name ?? "" });
    const channel = this.channel;
    if (this.place.app) hash.set("app", this.place.app);
    else if (channel) hash.set("channel", isDirect(channel) ? channel.id : channel.name);
    if (this.place.thread) hash.set("thread", this.place.thread);
    if (this.place.tab !== "messages") hash.set("tab", this.place.tab);
    history.replaceState(null, "", `#${hash}`);
    this.emit("place");
  }

  #firstChannel() {
    return [...this.channels.values()].find((channel) => !isDirect(channel))?.id ?? null;
  }

  #arrive(wanted) {
    const name = wanted.get("channel");
    const named = [...this.channels.values()].find((channel) => channel.id === name || (name && channel.name === name));
    const app = this.apps.find((candidate) => candidate.id === wanted.get("app"));
    this.place = {
      channel: named?.id ?? this.#firstChannel(),
      thread: wanted.get("thread"),
      tab: wanted.get("tab") ?? "messages",
      app: app?.id ?? null,
      person: null,
    };
    this.go({});
  }

  async #fromAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const person = wanted.get("viewer");
    if (person && person !== this.user(this.viewer)?.name && person !== this.viewer) await this.#load(person);
    this.#arrive(wanted);
  }
}

/** Tell whether a conversation is a direct message. */
export const isDirect = (channel) => Boolean(channel.is_im || channel.is_mpim || channel.id?.startsWith("D"));

/** Tell whether a message is an answer in a thread. */
export const isReply = (message) => Boolean(message.thread_ts && message.thread_ts !== message.ts);
