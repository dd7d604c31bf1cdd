// A log that is followed: appended as it comes, paused and gone on with, never longer than LINES.
const BYTES = 400_000;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export class LogView {
  #place; #text; #title; #follow; #channels; #aborter; #name; #channel; #held = "";

  constructor(place, onclose) {
    this.#place = place;
    this.#title = element("h2");
    this.#text = element("pre", { tabIndex: 0 });
    this.#text.setAttribute("aria-label", "Log text");
    this.#follow = element("button", { type: "button", textContent: "Pause", onclick: () => this.#pause() });
    this.#channels = ["stdout", "stderr"].map((channel) =>
      element("button", { type: "button", textContent: channel, onclick: () => this.open(this.#name, channel) }));
    const empty = element("button", { type: "button", textContent: "Clear view", onclick: () => this.#text.replaceChildren() });
    const bar = element("div", { className: "bar" }, this.#title, ...this.#channels, this.#follow, empty);
    if (onclose) {
      bar.append(element("button", { type: "button", textContent: "Close", onclick: () => { this.close(); onclose(); } }));
    }
    place.replaceChildren(bar, this.#text);
  }

  open(name, channel = "stdout") {
    this.#aborter?.abort();
    this.#name = name;
    this.#channel = channel;
    this.#held = "";
    this.#place.hidden = false;
    this.#title.textContent = name;
    this.#text.replaceChildren();
    this.#setPaused(false);
    for (const button of this.#channels) button.setAttribute("aria-pressed", button.textContent === channel);
    this.#aborter = new AbortController();
    this.#read(`logtail/${encodeURIComponent(name)}/${channel}`, this.#aborter.signal);
  }

  close() {
    this.#aborter?.abort();
    this.#place.hidden = true;
  }

  async #read(address, signal) {
    try {
      const answer = await fetch(address, { signal });
      if (!answer.ok) {
        this.#add(answer.status === 404 ? "There is no such log." : `The log cannot be read (${answer.status}).`);
        return;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#add(value);
      }
      this.#add("\n[the connection has ended]\n");
    } catch (error) {
      if (error.name !== "AbortError") this.#add("\n[the connection is lost]\n");
    }
  }

  #add(text) {
    if (this.#isPaused) {
      this.#held = (this.#held + text).slice(-BYTES);
      return;
    }
    const view = this.#text;
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
    view.append(text);
    while (view.childNodes.length > 1 && view.textContent.length > BYTES) view.firstChild.remove();
    if (atEnd) view.scrollTop = view.scrollHeight;
  }

  get #isPaused() { return this.#follow.getAttribute("aria-pressed") === "true"; }

  #setPaused(paused) {
    this.#follow.setAttribute("aria-pressed", paused);
    this.#follow.textContent = paused ? "Follow" : "Pause";
  }

  #pause() {
    this.#setPaused(!this.#isPaused);
    if (!this.#isPaused) {
      const held = this.#held;
      this.#held = "";
      this.#add(held);
      this.#text.scrollTop = this.#text.scrollHeight;
    }
  }
}

// On a page of its own the name is in the page.
const own = document.querySelector("#log[data-name]");
if (own) new LogView(own).open(own.dataset.name, own.dataset.channel);
