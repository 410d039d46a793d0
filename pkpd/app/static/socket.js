// The line to the server. Of what follows a slider, one request is in flight and the newest waits.

/** The head and the arrays of an answer; see frames.py. */
export function decoded(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let place = 4 + length;
  for (const [name, shape] of head.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = new Float64Array(buffer, place, count);
    place += 8 * count;
  }
  return { head, arrays, body: buffer.slice(place) };
}

export class Line {
  constructor(onState) {
    this.onState = onState;
    this.waiting = new Map(); // by number: what to do with the answer
    this.slots = new Map(); // by slot: the newest question, while one is in flight
    this.number = 0;
    this.connect();
  }

  connect() {
    this.opened = new Promise((resolve) => {
      this.socket = new WebSocket(`ws://${location.host}/socket`);
      this.socket.binaryType = "arraybuffer";
      this.socket.onopen = () => {
        this.onState(true);
        resolve();
      };
      this.socket.onmessage = (event) => this.receive(decoded(event.data));
      this.socket.onclose = () => this.lost();
    });
  }

  lost() {
    for (const { reject } of this.waiting.values()) reject(new Error("The connection to pkpd was lost."));
    this.waiting.clear();
    this.slots.clear();
    this.onState(false);
    setTimeout(() => this.connect(), 2000);
  }

  receive(answer) {
    const asked = this.waiting.get(answer.head.id);
    if (!asked) return;
    this.waiting.delete(answer.head.id);
    if (answer.head.error) asked.reject(new Error(answer.head.error));
    else asked.resolve(answer);
  }

  /** Ask, and get a promise of the answer. */
  async ask(question) {
    await this.opened;
    const id = ++this.number;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, ask: question }));
    });
  }

  /** Ask what the answer to the newest question of a slot is; questions in between are dropped. */
  async newest(slot, question, onAnswer, onError) {
    if (this.slots.has(slot)) {
      this.slots.set(slot, { question, onAnswer, onError });
      return;
    }
    this.slots.set(slot, null);
    const begun = performance.now();
    try {
      const answer = await this.ask(question);
      onAnswer(answer, performance.now() - begun);
    } catch (error) {
      onError(error);
    }
    const next = this.slots.get(slot);
    this.slots.delete(slot);
    if (next) this.newest(slot, next.question, next.onAnswer, next.onError);
  }
}
