// The first app of somebody who reads Bolt's guide, with what the guide's next pages add to it. It knows only its tokens
// and where Slack is. SLACK_APP_TOKEN chooses Socket Mode; otherwise it listens on PORT. With SLACK_CLIENT_ID it has no
// token yet: people install it at /slack/install.
const { App } = require('@slack/bolt');

const { SLACK_API_URL, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, PORT } = process.env;
const { SLACK_CLIENT_ID, SLACK_CLIENT_SECRET, SLACK_AUTHORIZE_URL, SLACK_SCOPES } = process.env;

const ways = {
  socket: { token: SLACK_BOT_TOKEN, socketMode: true, appToken: SLACK_APP_TOKEN },
  http: { token: SLACK_BOT_TOKEN, signingSecret: SLACK_SIGNING_SECRET },
  oauth: {
    signingSecret: SLACK_SIGNING_SECRET,
    clientId: SLACK_CLIENT_ID,
    clientSecret: SLACK_CLIENT_SECRET,
    stateSecret: 'known to this app alone',
    scopes: SLACK_SCOPES?.split(','),
    installerOptions: { authorizationUrl: SLACK_AUTHORIZE_URL },
  },
};

const app = new App({
  ...ways[SLACK_CLIENT_ID ? 'oauth' : SLACK_APP_TOKEN ? 'socket' : 'http'],
  clientOptions: { slackApiUrl: SLACK_API_URL },
});

const button = (text, action) => ({
  type: 'button',
  text: { type: 'plain_text', text },
  action_id: action,
});

const line = (text, accessory) => ({
  type: 'section',
  text: { type: 'mrkdwn', text },
  ...(accessory && { accessory }),
});

const form = {
  type: 'modal',
  callback_id: 'ticket',
  notify_on_close: true,
  title: { type: 'plain_text', text: 'New ticket' },
  submit: { type: 'plain_text', text: 'Open' },
  blocks: [
    {
      type: 'input',
      block_id: 'title',
      label: { type: 'plain_text', text: 'What is wrong?' },
      element: { type: 'plain_text_input', action_id: 'value' },
    },
    {
      type: 'input',
      block_id: 'owner',
      label: { type: 'plain_text', text: 'Who looks at it?' },
      element: { type: 'external_select', action_id: 'owner', min_query_length: 1 },
    },
  ],
};

app.message('hello', async ({ message, say }) => {
  await say({
    text: `Hey there <@${message.user}>!`,
    blocks: [line(`Hey there <@${message.user}>!`, button('Click Me', 'button_click'))],
  });
});

app.action('button_click', async ({ body, ack, say }) => {
  await ack();
  await say(`<@${body.user.id}> clicked the button`);
});

app.message('vote', async ({ say }) => {
  await say({ text: 'Tea?', blocks: [line('Tea?', button('Close', 'close_vote'))] });
});

app.action('close_vote', async ({ body, ack, respond }) => {
  await ack();
  await respond({ replace_original: true, text: `Closed by <@${body.user.id}>` });
});

app.message('thread', async ({ message, client }) => {
  await client.chat.postMessage({ channel: message.channel, thread_ts: message.ts, text: 'Down here' });
});

app.message('notes', async ({ message, client }) => {
  await client.files.uploadV2({
    channel_id: message.channel,
    filename: 'notes.txt',
    content: 'Bring a boat.\n',
    initial_comment: 'Here they are',
  });
});

app.message('thanks', async ({ message, client }) => {
  await client.reactions.add({ channel: message.channel, timestamp: message.ts, name: 'wave' });
});

app.event('app_mention', async ({ event, say }) => {
  await say({ text: `You called, <@${event.user}>?`, thread_ts: event.ts });
});

app.event('reaction_added', async ({ event, client }) => {
  const { permalink } = await client.chat.getPermalink({ channel: event.item.channel, message_ts: event.item.ts });
  await client.chat.postMessage({ channel: event.user, text: `:${event.reaction}: on ${permalink}` });
});

app.event('app_home_opened', async ({ event, client }) => {
  await client.views.publish({
    user_id: event.user,
    view: { type: 'home', blocks: [line(`Welcome home, <@${event.user}>`)] },
  });
});

app.command('/echo', async ({ command, ack, respond }) => {
  await ack();
  await respond(command.text);
});

app.command('/ticket', async ({ body, ack, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: form });
});

app.command('/people', async ({ ack, client, respond }) => {
  await ack();
  let count = 0;
  for await (const page of client.paginate('users.list', { limit: 2 })) count += page.members.length;
  await respond(`${count} people`);
});

app.command('/lost', async ({ ack, client, respond }) => {
  await ack();
  try {
    await client.chat.postMessage({ channel: 'C0000000000', text: 'Anybody?' });
  } catch (error) {
    await respond(error.data.error);
  }
});

app.shortcut('new_ticket', async ({ shortcut, ack, client }) => {
  await ack();
  await client.views.open({ trigger_id: shortcut.trigger_id, view: form });
});

app.shortcut('note_it', async ({ shortcut, ack, respond }) => {
  await ack();
  await respond({ response_type: 'ephemeral', text: `Noted: ${shortcut.message.text}` });
});

app.options('owner', async ({ options, ack }) => {
  const names = ['Mia', 'Ana', 'Raj'].filter((name) => name.toLowerCase().startsWith(options.value.toLowerCase()));
  await ack({ options: names.map((name) => ({ text: { type: 'plain_text', text: name }, value: name })) });
});

app.view('ticket', async ({ ack, body, view, client }) => {
  const title = view.state.values.title.value.value;
  if (title.length < 5) {
    await ack({ response_action: 'errors', errors: { title: 'Say a little more' } });
    return;
  }
  await ack();
  const owner = view.state.values.owner.owner.selected_option.value;
  await client.chat.postMessage({ channel: body.user.id, text: `Ticket: ${title} (${owner})` });
});

app.view({ callback_id: 'ticket', type: 'view_closed' }, async ({ ack, body, client }) => {
  await ack();
  await client.chat.postMessage({ channel: body.user.id, text: 'No ticket, then' });
});

(async () => {
  await app.start(Number(PORT) || 0);
  console.log('The app runs');
})();
