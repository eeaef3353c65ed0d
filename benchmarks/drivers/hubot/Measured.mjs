// An adapter that says commands to Hubot in its own process, and measures from the message to the sent answer.
import { createInterface } from 'node:readline'
import Hubot from 'hubot'

const { Adapter, TextMessage, User } = Hubot
const COUNT = Number(process.env.BENCHMARK_COUNT || 1000)
const TOGETHER = 100

class Measured extends Adapter {
  constructor (robot) {
    super(robot)
    this.name = 'Measured'
    this.sent = 0
  }

  async send (_envelope, ...strings) { this.sent += strings.length }
  async reply (_envelope, ...strings) { this.sent += strings.length }

  one (number) { return this.robot.receive(new TextMessage(this.user, `Hubot echo hello ${number}`, `${number}`)) }

  async take (together) {
    this.sent = 0
    const taken = []
    const cpu = process.cpuUsage()
    const began = performance.now()
    if (together) {
      for (let i = 0; i < COUNT; i += TOGETHER) {
        await Promise.all(Array.from({ length: TOGETHER }, (_, number) => this.one(number)))
      }
    } else {
      for (let number = 0; number < COUNT; number++) {
        const at = performance.now()
        await this.one(number)
        taken.push(performance.now() - at)
      }
    }
    const wall = performance.now() - began
    const used = process.cpuUsage(cpu)
    if (this.sent !== COUNT) throw new Error(`${this.sent} of ${COUNT} answered`)
    taken.sort((a, b) => a - b)
    return {
      per_second: COUNT / wall * 1000,
      cpu_us: (used.user + used.system) / COUNT,
      p50_ms: taken.length ? taken[taken.length >> 1] : 0
    }
  }

  async run () {
    this.user = new User('1', { name: 'mia', room: 'c' })
    this.robot.on('scripts have loaded', async () => {
      await this.one(0)
      console.log('first')
      await new Promise(resolve => createInterface({ input: process.stdin }).once('line', resolve))
      await this.take(false) // its compiler warms up
      const alone = await this.take(false)
      const together = await this.take(true)
      console.log(JSON.stringify({ alone, together, registered: this.robot.listeners.length }))
      process.exit(0)
    })
    this.emit('connected')
  }
}

export default { use: robot => new Measured(robot) }
