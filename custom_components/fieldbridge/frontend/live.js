// What happens at one link: its state, its last frames, raw against filtered values.
import { Plot } from "./plot.js";
import { element } from "./styles.js";
import { formatNumber, formatTime } from "./texts.js";

const ROWS = 100;
const RATE_SECONDS = 3;
const RETRY_MILLISECONDS = 2000;
// After a lost connection the page begins anew by itself: it hears when that fails, and no capture is begun twice.
const ONCE = { resubscribe: false };

export class LiveView {
  /** `hass` is a function, since Home Assistant replaces its object with every change of a state. */
  constructor(hass, texts) {
    this._hass = hass;
    this._texts = texts;
    this._paused = false;
    this._plots = new Map();
    this._history = [];
    this._drawn = 0;
    this._calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this._left = false;
    this._lost = () => this._connectionLost();
    this._back = () => this.link && this._subscribe();
    this.element = element("div", { class: "view" });
  }

  async connect() {
    const { connection } = this._hass();
    connection.addEventListener("disconnected", this._lost);
    connection.addEventListener("ready", this._back);
    await this._list();
  }

  async _list() {
    try {
      this._links = (await this._hass().connection.sendMessagePromise({ type: "fieldbridge/links" })).links;
    } catch (error) {
      if (this._left) return;
      const told = this._texts("live.not_loaded", { error: this._texts.error(error) });
      this.element.replaceChildren(element("section", {}, element("p", { role: "status" }, told)));
      this._again = setTimeout(() => this._list(), RETRY_MILLISECONDS);
      return;
    }
    if (this._left) return;
    this._build();
    const chosen = this._links.flatMap((link) => [...link.devices.map((device) => [link, device]), [link, null]])[0];
    if (chosen) await this._look(...chosen);
  }

  disconnect() {
    const { connection } = this._hass();
    connection.removeEventListener("disconnected", this._lost);
    connection.removeEventListener("ready", this._back);
    this._left = true;
    this._unfollow();
    this._capturing?.end?.();
    this._capturing = undefined;
  }

  /** Follow nothing; what is still on its way is given back when it comes. */
  _unfollow() {
    clearTimeout(this._again);
    this._attempt = undefined;
    this._unsubscribe?.();
    this._unsubscribe = undefined;
  }

  _connectionLost() {
    if (!this.link) return;
    this._unfollow();
    this._tellNothing({ code: "connection_lost", message: "" });
    if (this._capturing) this._endCapture();
  }

  /** Say why nothing comes, and show no numbers as if they were of now. */
  _tellNothing(error) {
    this._status.textContent = this._texts("live.not_loaded", { error: this._texts.error(error) });
    this._counters.textContent = "";
  }

  _build() {
    const text = this._texts;
    if (!this._links.length) {
      this.element.replaceChildren(element("section", {}, element("p", {}, text("live.no_links"))));
      return;
    }
    this._choice = element("select", { "aria-label": text("live.choose"), onchange: () => this._chosen() });
    this._links.forEach((link, number) => {
      const group = element("optgroup", { label: link.title });
      link.devices.forEach((device) =>
        group.append(element("option", { value: `${number}/${device.device_id}` }, device.title)),
      );
      group.append(element("option", { value: `${number}/` }, text("live.whole_link", { link: link.title })));
      this._choice.append(group);
    });
    this._pause = element(
      "button",
      { type: "button", "aria-pressed": "false", onclick: () => this._setPaused(!this._paused) },
      text("live.pause"),
    );
    this._capture = element(
      "button",
      { type: "button", "aria-pressed": "false", onclick: () => this._toggleCapture() },
      text("live.capture"),
    );
    this._private = element("input", { type: "checkbox" });
    this._captured = element("span", { role: "status" });
    this._controls = element(
      "div",
      { class: "row" },
      this._choice,
      this._pause,
      this._capture,
      element("label", {}, this._private, text("live.capture_private")),
      this._captured,
    );
    this._status = element("p", { class: "note", role: "status" });
    this._counters = element("p", { class: "note" });
    this._channels = element("fieldset");
    this._figures = element("div");
    this._rows = element("tbody");
    const heads = ["time", "interval", "verdict", "text", "bytes", "values"];
    this.element.replaceChildren(
      element("section", {}, this._controls, this._status, this._counters),
      element("section", {}, element("h2", {}, text("live.signals")), this._channels, this._figures),
      element(
        "section",
        {},
        element("h2", {}, text("live.messages")),
        element(
          "div",
          { class: "scroll", tabindex: "0", role: "region", "aria-label": text("live.messages") },
          element(
            "table",
            {},
            element("thead", {}, element("tr", {}, ...heads.map((key) => element("th", { scope: "col" }, text(`live.${key}`))))),
            this._rows,
          ),
        ),
      ),
    );
  }

  _chosen() {
    const [number, deviceId] = this._choice.value.split("/");
    const link = this._links[Number(number)];
    this._look(link, link.devices.find((device) => device.device_id === deviceId) ?? null);
  }

  /** Follow a link, or one device behind it. */
  async _look(link, device) {
    this.link = link;
    this.device = device;
    this._rows.replaceChildren();
    this._history = [];
    // Another device may have values of the same key.
    this._plots = new Map();
    const numbers = (device?.channels ?? []).filter((channel) => channel.kind === "number");
    this._showChannels(numbers, new Set(numbers.slice(0, 2).map((channel) => channel.key)));
    await this._subscribe();
  }

  _showChannels(channels, shown) {
    const boxes = channels.map((channel) => {
      const box = element("input", { type: "checkbox", checked: shown.has(channel.key) });
      box.addEventListener("change", () => {
        if (box.checked) shown.add(channel.key);
        else shown.delete(channel.key);
        this._showPlots(channels, shown);
        this._subscribe();
      });
      return element("label", {}, box, channel.name);
    });
    const legend = element("legend", {}, this._texts(channels.length ? "live.plotted" : "live.nothing_to_plot"));
    this._channels.replaceChildren(legend, element("div", { class: "row" }, ...boxes));
    this._showPlots(channels, shown);
  }

  _showPlots(channels, shown) {
    const kept = channels.filter((channel) => shown.has(channel.key)).slice(0, 8);
    this._plots = new Map(
      kept.map((channel) => [channel.key, this._plots.get(channel.key) ?? new Plot(this._hass(), this._texts, channel)]),
    );
    this._figures.replaceChildren(...[...this._plots.values()].map((plot) => plot.element));
  }

  async _subscribe() {
    this._unfollow();
    const message = { type: "fieldbridge/inspect", entry_id: this.link.entry_id, channels: [...this._plots.keys()] };
    if (this.device) message.device_id = this.device.device_id;
    const attempt = (this._attempt = {});
    try {
      const unsubscribe = await this._hass().connection.subscribeMessage((event) => {
        if (attempt === this._attempt) this._take(event);
      }, message, ONCE);
      if (attempt === this._attempt) this._unsubscribe = unsubscribe;
      else unsubscribe();
    } catch (error) {
      if (attempt !== this._attempt) return;
      this._tellNothing(error);
      this._again = setTimeout(() => this._subscribe(), RETRY_MILLISECONDS);
    }
  }

  async _toggleCapture() {
    if (this._capturing) {
      this._endCapture();
      return;
    }
    const capture = (this._capturing = {});
    const message = { type: "fieldbridge/capture", entry_id: this.link.entry_id, private: this._private.checked };
    this._showCapture(true);
    try {
      const report = (event) => this._reportCapture(capture, event);
      capture.end = await this._hass().connection.subscribeMessage(report, message, ONCE);
      if (capture !== this._capturing) capture.end();
    } catch (error) {
      if (capture !== this._capturing) return;
      this._capturing = undefined;
      this._showCapture(false);
      this._captured.textContent = this._texts("live.capture_failed", { error: this._texts.error(error) });
    }
  }

  /** End the capture; its last count comes too late for this page, and is in the list of recordings. */
  _endCapture() {
    const { end, name } = this._capturing;
    this._capturing = undefined;
    this._showCapture(false);
    this._captured.textContent = name ? this._texts("live.capture_saved", { name }) : "";
    end?.();
  }

  _reportCapture(capture, event) {
    capture.name = event.name;
    const why = event.done && event.end !== "stopped" ? this._texts(`end.${event.end}`) : "";
    const failed = [why, event.error].filter(Boolean).join(": ");
    const key = failed ? "live.capture_failed" : event.done ? "live.captured" : "live.capturing";
    this._captured.textContent = this._texts(key, { ...event, error: failed });
    if (event.done && capture === this._capturing) {
      this._capturing = undefined;
      this._showCapture(false);
      capture.end?.();
    }
  }

  _showCapture(running) {
    this._capture.setAttribute("aria-pressed", String(running));
    this._capture.textContent = this._texts(running ? "live.capture_stop" : "live.capture");
    this._private.disabled = running;
  }

  _setPaused(paused) {
    this._paused = paused;
    this._pause.setAttribute("aria-pressed", String(paused));
    this._pause.textContent = this._texts(paused ? "live.resume" : "live.pause");
  }

  _take(event) {
    if (event.gone) {
      this._subscribe();
      return;
    }
    if (this._paused) return;
    this._showCounters(event.counters);
    for (const [key, columns] of Object.entries(event.points)) this._plots.get(key)?.add(columns);
    const now = performance.now();
    if (!this._calm || now - this._drawn > 1000) {
      this._drawn = now;
      this._plots.forEach((plot) => plot.draw());
    }
    if (event.frames.length) this._addFrames(event);
  }

  _showCounters(counters) {
    const text = this._texts;
    const now = performance.now() / 1000;
    this._history.push([now, counters.link.frames ?? 0]);
    while (this._history.length > 2 && now - this._history[0][0] > RATE_SECONDS) this._history.shift();
    const [[start, first], [end, last]] = [this._history[0], this._history.at(-1)];
    const rate = end > start ? (last - first) / (end - start) : 0;
    const state = text(`live.state_${counters.state}`);
    const device = counters.available === undefined ? "" : text(counters.available ? "live.available" : "live.silent");
    const summary = [state, device, counters.error].filter(Boolean).join(" · ");
    // A screen reader hears of changes, not of every message.
    if (this._status.textContent !== summary) this._status.textContent = summary;
    const numbers = Object.fromEntries(
      ["frames", "rejected", "unreadable", "dropped"].map((key) => [key, formatNumber(this._hass(), counters.link[key] ?? 0, 9)]),
    );
    this._counters.textContent = text("live.counters", { rate: formatNumber(this._hass(), rate, 3), ...numbers });
  }

  _addFrames(event) {
    const rows = event.frames.map((frame) => this._row(frame)).reverse();
    if (event.skipped > 0) {
      rows.push(element("tr", {}, element("td", { colspan: "6" }, this._texts("live.skipped", { count: event.skipped }))));
    }
    this._rows.prepend(...rows);
    while (this._rows.childElementCount > ROWS) this._rows.lastElementChild.remove();
  }

  _row(frame) {
    const hass = this._hass();
    const interval = frame.interval === null ? "–" : `${formatNumber(hass, frame.interval * 1000, 3)} ms`;
    const known = { ok: "ok", not_ours: "not_ours", unreadable: "unreadable", checksum: "checksum" };
    const verdict = frame.verdict === undefined ? "–" : this._texts(`verdict.${known[frame.verdict] ?? "rejected"}`);
    const names = new Map((this.device?.channels ?? []).map((channel) => [channel.key, channel]));
    const values = Object.entries(frame.values ?? {}).map(([key, value]) => {
      const channel = names.get(key);
      return `${channel?.name ?? key}: ${formatNumber(hass, value, 7)}${channel?.unit ? ` ${channel.unit}` : ""}`;
    });
    return element(
      "tr",
      {},
      element("td", { class: "number" }, formatTime(hass, frame.time)),
      element("td", { class: "number" }, interval),
      element("td", {}, frame.detail && frame.verdict !== "ok" ? `${verdict}: ${frame.detail}` : verdict),
      element("td", { class: "bytes" }, frame.text),
      element("td", { class: "bytes" }, frame.length * 3 > frame.hex.length + 2 ? `${frame.hex} …` : frame.hex),
      element("td", {}, values.join(", ")),
    );
  }
}
