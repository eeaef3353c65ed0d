/**
 * Emoji by short name, as Slack spells them in text and in reactions.
 */

const TABLE = `
+1:👍 thumbsup:👍 -1:👎 thumbsdown:👎 white_check_mark:✅ heavy_check_mark:✔️ ballot_box_with_check:☑️ x:❌ negative_squared_cross_mark:❎
heavy_multiplication_x:✖️ no_entry:⛔ no_entry_sign:🚫 octagonal_sign:🛑 stop_sign:🛑 warning:⚠️ rotating_light:🚨 construction:🚧 bell:🔔 no_bell:🔕
loudspeaker:📢 mega:📣 eyes:👀 raised_hands:🙌 clap:👏 pray:🙏 wave:👋 ok_hand:👌 point_up:☝️ point_up_2:👆 point_down:👇 point_left:👈 point_right:👉
muscle:💪 handshake:🤝 raised_hand:✋ hand:✋ v:✌️ crossed_fingers:🤞 fist:✊ facepunch:👊 punch:👊 writing_hand:✍️ brain:🧠 ear:👂
smile:😄 smiley:😃 grinning:😀 grin:😁 laughing:😆 joy:😂 rolling_on_the_floor_laughing:🤣 rofl:🤣 slightly_smiling_face:🙂 upside_down_face:🙃
wink:😉 blush:😊 innocent:😇 heart_eyes:😍 star-struck:🤩 kissing_heart:😘 yum:😋 stuck_out_tongue:😛 zany_face:🤪 thinking_face:🤔 thinking:🤔
shushing_face:🤫 face_with_raised_eyebrow:🤨 neutral_face:😐 expressionless:😑 no_mouth:😶 smirk:😏 unamused:😒 face_with_rolling_eyes:🙄 grimacing:😬
relieved:😌 pensive:😔 sleepy:😪 sleeping:😴 mask:😷 face_with_thermometer:🤒 nauseated_face:🤢 sneezing_face:🤧 hot_face:🥵 cold_face:🥶
exploding_head:🤯 partying_face:🥳 sunglasses:😎 nerd_face:🤓 face_with_monocle:🧐 confused:😕 worried:😟 slightly_frowning_face:🙁 open_mouth:😮
astonished:😲 flushed:😳 pleading_face:🥺 fearful:😨 cold_sweat:😰 cry:😢 sob:😭 scream:😱 disappointed:😞 sweat:😓 weary:😩 tired_face:😫 yawning_face:🥱
triumph:😤 rage:😡 angry:😠 skull:💀 hankey:💩 poop:💩 ghost:👻 alien:👽 robot_face:🤖 robot:🤖 see_no_evil:🙈 hear_no_evil:🙉 speak_no_evil:🙊
saluting_face:🫡 melting_face:🫠 sweat_smile:😅 hugging_face:🤗 face_palm:🤦 facepalm:🤦 shrug:🤷 bow:🙇 man_dancing:🕺 dancer:💃 runner:🏃 walking:🚶
heart:❤️ orange_heart:🧡 yellow_heart:💛 green_heart:💚 blue_heart:💙 purple_heart:💜 black_heart:🖤 white_heart:🤍 broken_heart:💔 100:💯 anger:💢
boom:💥 collision:💥 dizzy:💫 sweat_drops:💦 dash:💨 hole:🕳️ speech_balloon:💬 thought_balloon:💭 zzz:💤 sparkles:✨ star:⭐ star2:🌟 fire:🔥 zap:⚡
tada:🎉 confetti_ball:🎊 balloon:🎈 gift:🎁 trophy:🏆 medal:🏅 first_place_medal:🥇 dart:🎯 game_die:🎲 checkered_flag:🏁 triangular_flag_on_post:🚩
white_flag:🏳️ flag-de:🇩🇪 flag-fr:🇫🇷 flag-gb:🇬🇧 flag-us:🇺🇸 flag-in:🇮🇳 flag-jp:🇯🇵 flag-br:🇧🇷 flag-eu:🇪🇺
ship:🚢 boat:⛵ sailboat:⛵ anchor:⚓ speedboat:🚤 ferry:⛴️ rocket:🚀 airplane:✈️ helicopter:🚁 flying_saucer:🛸 car:🚗 truck:🚚 ambulance:🚑
fire_engine:🚒 train:🚋 bike:🚲 fuelpump:⛽ vertical_traffic_light:🚦 traffic_light:🚥 world_map:🗺️ compass:🧭 ocean:🌊 island:🏝️ mountain:⛰️
house:🏠 office:🏢 factory:🏭 hospital:🏥 bank:🏦 building_construction:🏗️ sunrise:🌅 night_with_stars:🌃 bridge_at_night:🌉 foggy:🌁
sunny:☀️ sun_with_face:🌞 partly_sunny:⛅ cloud:☁️ rain_cloud:🌧️ thunder_cloud_and_rain:⛈️ lightning:🌩️ snowflake:❄️ snowman:⛄ umbrella:☔ rainbow:🌈
full_moon:🌕 new_moon:🌑 crescent_moon:🌙 earth_africa:🌍 earth_americas:🌎 earth_asia:🌏 globe_with_meridians:🌐 milky_way:🌌 comet:☄️
dog:🐶 cat:🐱 mouse:🐭 fox_face:🦊 bear:🐻 panda_face:🐼 koala:🐨 lion_face:🦁 tiger:🐯 cow:🐮 pig:🐷 frog:🐸 monkey:🐒 chicken:🐔 penguin:🐧 bird:🐦
baby_chick:🐤 canary:🐤 duck:🦆 eagle:🦅 owl:🦉 bat:🦇 wolf:🐺 unicorn_face:🦄 bee:🐝 bug:🐛 ant:🐜 butterfly:🦋 snail:🐌 lady_beetle:🐞 spider:🕷️
turtle:🐢 snake:🐍 octopus:🐙 squid:🦑 crab:🦀 shrimp:🦐 fish:🐟 tropical_fish:🐠 dolphin:🐬 whale:🐳 whale2:🐋 shark:🦈 crocodile:🐊 elephant:🐘
sheep:🐑 goat:🐐 rabbit:🐰 hedgehog:🦔 sloth:🦥 dragon:🐉 sauropod:🦕 cactus:🌵 evergreen_tree:🌲 deciduous_tree:🌳 palm_tree:🌴 seedling:🌱 herb:🌿
four_leaf_clover:🍀 maple_leaf:🍁 mushroom:🍄 rose:🌹 sunflower:🌻 tulip:🌷 cherry_blossom:🌸 bouquet:💐 apple:🍎 banana:🍌 cherries:🍒 strawberry:🍓
peach:🍑 lemon:🍋 watermelon:🍉 grapes:🍇 avocado:🥑 tomato:🍅 hot_pepper:🌶️ corn:🌽 carrot:🥕 bread:🍞 cheese_wedge:🧀 egg:🥚 hamburger:🍔 pizza:🍕
taco:🌮 ramen:🍜 sushi:🍣 cookie:🍪 doughnut:🍩 cake:🍰 birthday:🎂 chocolate_bar:🍫 popcorn:🍿 coffee:☕ tea:🍵 beer:🍺 beers:🍻 wine_glass:🍷
champagne:🍾 cocktail:🍸 salt:🧂 soccer:⚽ basketball:🏀 football:🏈 tennis:🎾 video_game:🎮 jigsaw:🧩 guitar:🎸 musical_note:🎵 headphones:🎧
microphone:🎤 art:🎨 clapper:🎬 movie_camera:🎥 camera:📷 tv:📺 radio:📻 phone:☎️ telephone_receiver:📞 pager:📟 iphone:📱 computer:💻
desktop_computer:🖥️ keyboard:⌨️ computer_mouse:🖱️ printer:🖨️ floppy_disk:💾 cd:💿 battery:🔋 electric_plug:🔌 bulb:💡 flashlight:🔦 candle:🕯️
satellite:🛰️ satellite_antenna:📡 microscope:🔬 telescope:🔭 test_tube:🧪 petri_dish:🧫 dna:🧬 alembic:⚗️ thermometer:🌡️ pill:💊 syringe:💉
stethoscope:🩺 adhesive_bandage:🩹 hammer:🔨 wrench:🔧 hammer_and_wrench:🛠️ screwdriver:🪛 nut_and_bolt:🔩 gear:⚙️ toolbox:🧰 magnet:🧲 bricks:🧱 chains:⛓️
broom:🧹 wastebasket:🗑️ package:📦 mailbox:📫 inbox_tray:📥 outbox_tray:📤 email:✉️ envelope:✉️ incoming_envelope:📨 memo:📝 pencil:📝 pencil2:✏️
clipboard:📋 page_facing_up:📄 page_with_curl:📃 bookmark_tabs:📑 bar_chart:📊 chart_with_upwards_trend:📈 chart_with_downwards_trend:📉
calendar:📆 date:📅 spiral_calendar_pad:🗓️ card_index:📇 file_folder:📁 open_file_folder:📂 card_file_box:🗃️ file_cabinet:🗄️ newspaper:📰 book:📖
books:📚 notebook:📓 ledger:📒 scroll:📜 label:🏷️ bookmark:🔖 link:🔗 paperclip:📎 pushpin:📌 round_pushpin:📍 scissors:✂️ straight_ruler:📏 abacus:🧮
lock:🔒 unlock:🔓 closed_lock_with_key:🔐 lock_with_ink_pen:🔏 key:🔑 old_key:🗝️ shield:🛡️ crossed_swords:⚔️ bomb:💣 firecracker:🧨 crystal_ball:🔮
mag:🔍 mag_right:🔎 hourglass:⌛ hourglass_flowing_sand:⏳ watch:⌚ alarm_clock:⏰ stopwatch:⏱️ timer_clock:⏲️ clock1:🕐 clock3:🕒 clock6:🕕 clock9:🕘 clock12:🕛
moneybag:💰 dollar:💵 euro:💶 credit_card:💳 receipt:🧾 gem:💎 balance_scale:⚖️ scales:⚖️ briefcase:💼 door:🚪 bed:🛏️ couch_and_lamp:🛋️ ticket:🎫 ladder:🪜
arrow_up:⬆️ arrow_down:⬇️ arrow_left:⬅️ arrow_right:➡️ arrow_upper_right:↗️ arrow_lower_right:↘️ arrows_counterclockwise:🔄 repeat:🔁
leftwards_arrow_with_hook:↩️ arrow_right_hook:↪️ rewind:⏪ fast_forward:⏩ arrow_forward:▶️ arrow_backward:◀️ double_vertical_bar:⏸️ pause_button:⏸️
black_square_for_stop:⏹️ stop_button:⏹️ record_button:⏺️ black_right_pointing_double_triangle_with_vertical_bar:⏭️ next_track_button:⏭️ eject:⏏️ back:🔙
soon:🔜 top:🔝 new:🆕 free:🆓 up:🆙 cool:🆒 ok:🆗 sos:🆘 information_source:ℹ️ question:❓ grey_question:❔ exclamation:❗ heavy_exclamation_mark:❗ grey_exclamation:❕
bangbang:‼️ interrobang:⁉️ heavy_plus_sign:➕ heavy_minus_sign:➖ heavy_division_sign:➗ infinity:♾️ recycle:♻️ beginner:🔰 trident:🔱 radioactive_sign:☢️
red_circle:🔴 large_orange_circle:🟠 large_yellow_circle:🟡 large_green_circle:🟢 large_blue_circle:🔵 large_purple_circle:🟣 white_circle:⚪ black_circle:⚫
red_square:🟥 large_red_square:🟥 large_orange_square:🟧 large_yellow_square:🟨 large_green_square:🟩 large_blue_square:🟦 white_large_square:⬜ black_large_square:⬛
small_blue_diamond:🔹 small_orange_diamond:🔸 large_blue_diamond:🔷 large_orange_diamond:🔶 small_red_triangle:🔺 small_red_triangle_down:🔻 radio_button:🔘
zero:0️⃣ one:1️⃣ two:2️⃣ three:3️⃣ four:4️⃣ five:5️⃣ six:6️⃣ seven:7️⃣ eight:8️⃣ nine:9️⃣ keycap_ten:🔟 hash:#️⃣ 1234:🔢 abc:🔤
bust_in_silhouette:👤 busts_in_silhouette:👥 baby:👶 technologist:🧑‍💻 firefighter:🧑‍🚒 astronaut:🧑‍🚀 scientist:🧑‍🔬 detective:🕵️ construction_worker:👷 guardsman:💂
mage:🧙 ninja:🥷 superhero:🦸 zombie:🧟 people_hugging:🫂 footprints:👣 parrot:🦜 phoenix:🐦‍🔥 lobster:🦞 lighthouse:🗼 life_preserver:🛟 ring_buoy:🛟
`;

const BY_NAME = new Map();
for (const entry of TABLE.trim().split(/\s+/)) {
  const cut = entry.lastIndexOf(":");
  BY_NAME.set(entry.slice(0, cut), entry.slice(cut + 1));
}

/** Names offered first in the picker: what people answer a deployment or an alert with. */
export const COMMON = ["+1", "-1", "eyes", "white_check_mark", "x", "rocket", "tada", "fire", "warning", "pray", "raised_hands", "heart",
  "joy", "thinking_face", "hourglass_flowing_sand", "arrows_counterclockwise", "leftwards_arrow_with_hook", "bell", "no_bell",
  "rotating_light", "lock", "unlock", "pushpin", "100"];

const TONES = ["🏻", "🏼", "🏽", "🏾", "🏿"];

/** Return the character of a short name (skin tone suffix `::skin-tone-3` understood), or null when it is not known. */
export function emojiOf(name) {
  const [base, tone] = String(name).toLowerCase().split("::skin-tone-");
  const found = BY_NAME.get(base);
  if (!found) return null;
  return tone && TONES[tone - 2] ? found.replace("\ufe0f", "") + TONES[tone - 2] : found;
}

/** Return up to `limit` names that contain the text, those that start with it first. */
export function findEmoji(text, limit = 64) {
  const wanted = text.trim().toLowerCase().replace(/^:|:$/g, "").replace(/\s+/g, "_");
  if (!wanted) return COMMON;
  const starts = [];
  const contains = [];
  const seen = new Set();
  for (const [name, character] of BY_NAME) {
    const at = name.indexOf(wanted);
    if (at < 0 || seen.has(character)) continue;
    seen.add(character);
    (at === 0 ? starts : contains).push(name);
  }
  return [...starts, ...contains].slice(0, limit);
}
