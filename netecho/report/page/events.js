// Server-sent events by fetch: an EventSource cannot send a token.

const PAUSE = 2000; // ms until it is tried again
const SILENCE = 15000; // ms without a word after which the connection is taken for dead
const HIDDEN = 60000; // ms after which a page that nobody sees gives its place back

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export class Events {
  // `told(event, data)` for each event, `state(kind, text)` for how the connection is.
  constructor(server, told, state) {
    this.server = server;
    this.told = told;
    this.state = state;
    this.under = null;
    this.again = 0;
    document.addEventListener("visibilitychange", () => this.seen());
  }

  begin() {
    this.end();
    const under = (this.under = new AbortController());
    this.listen(under).catch((error) => error).then((error) => {
      if (this.under !== under) return;
      this.under = null;
      clearTimeout(this.silence);
      if (error instanceof Refused && error.status === 401) return this.state("refused", "token needed");
      this.state("lost", error instanceof Refused ? error.message.trim() : "not connected: trying again");
      this.again = setTimeout(() => this.begin(), PAUSE);
    });
  }

  end() {
    clearTimeout(this.again);
    clearTimeout(this.silence);
    const under = this.under;
    this.under = null;
    under?.abort();
  }

  async listen(under) {
    const answer = await this.server.get("api/v1/events", under.signal);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      this.heard(under);
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.tell(block);
    }
  }

  heard(under) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => under.abort(), SILENCE);
  }

  tell(block) {
    let event = "message";
    const data = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice(7);
      else if (line.startsWith("data: ")) data.push(line.slice(6));
    }
    if (data.length) this.told(event, JSON.parse(data.join("\n")));
  }

  seen() {
    clearTimeout(this.hidden);
    if (document.hidden) {
      this.hidden = setTimeout(() => this.end(), HIDDEN);
    } else if (this.under === null) {
      this.begin();
    }
  }
}

export class Server {
  constructor() {
    this.token = sessionStorage.getItem("token");
  }

  use(token) {
    this.token = token;
    sessionStorage.setItem("token", token);
  }

  async get(path, signal) {
    const headers = this.token === null ? {} : { Authorization: `Bearer ${this.token}` };
    const answer = await fetch(path, { headers, signal, cache: "no-store" });
    if (!answer.ok) throw new Refused(answer.status, await answer.text());
    return answer;
  }

  async json(path, signal) {
    return (await this.get(path, signal)).json();
  }
}
