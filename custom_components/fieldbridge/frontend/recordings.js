// All recordings and captures: to download, to delete, to replay.
import { element } from "./styles.js";
import { formatNumber } from "./texts.js";

const DOMAIN = "fieldbridge";
const COLUMNS = ["name", "kind", "started", "duration", "rows", "size", "state", "actions"];

export class RecordingsView {
  constructor(hass, texts) {
    this._hass = hass;
    this._texts = texts;
    this._told = element("p", { class: "note", role: "status" });
    this._body = element("div");
    this.element = element("section", {}, element("h2", {}, texts("recordings.list")), this._told, this._body);
  }

  async connect() {
    await this._list();
  }

  disconnect() {}

  async _list() {
    const answer = await this._action("list_recordings", {});
    if (!answer) return;
    const { recordings, bytes, folder } = answer;
    if (!recordings.length) {
      this._body.replaceChildren(element("p", {}, this._texts("recordings.none")));
      return;
    }
    const heads = COLUMNS.map((key) => element("th", { scope: "col" }, this._texts(`recordings.${key}`)));
    const total = { count: recordings.length, size: this._size(bytes), folder };
    this._body.replaceChildren(
      element(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": this._texts("recordings.list") },
        element(
          "table",
          {},
          element("caption", {}, this._texts("recordings.total", total)),
          element("thead", {}, element("tr", {}, ...heads)),
          element("tbody", {}, ...recordings.map((recording) => this._row(recording))),
        ),
      ),
    );
  }

  _row(recording) {
    const text = this._texts;
    const hass = this._hass();
    const began = new Date(recording.started_at).toLocaleString(hass.locale?.language);
    const seconds = recording.duration === null ? null : formatNumber(hass, recording.duration, 3);
    const link = recording.url ? element("a", { href: recording.url, download: recording.name }, text("recordings.download")) : null;
    const button = (key, act) =>
      element(
        "button",
        { type: "button", disabled: !recording.url, "aria-label": `${text(`recordings.${key}`)} ${recording.name}`, onclick: act },
        text(`recordings.${key}`),
      );
    const actions = element(
      "div",
      { class: "row" },
      link,
      button("replay", () => this._replay(recording.name)),
      button("delete", () => this._delete(recording.name)),
    );
    const cells = [
      recording.name,
      text(`recordings.kind_${recording.kind}`),
      began,
      seconds === null ? "–" : text("recordings.seconds", { seconds }),
      formatNumber(hass, recording.rows, 9),
      this._size(recording.bytes),
      text(`recordings.state_${recording.state}`),
      actions,
    ];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  }

  _size(bytes) {
    const [size, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
    return `${formatNumber(this._hass(), size, 3)} ${unit}`;
  }

  async _delete(name) {
    if (!confirm(this._texts("recordings.delete_sure", { name }))) return;
    await this._action("delete_recording", { recording: [name] });
    await this._list();
  }

  async _replay(name) {
    try {
      await this._hass().connection.sendMessagePromise({ type: "fieldbridge/replay", recording: name });
      this._told.textContent = this._texts("recordings.replayed");
    } catch (error) {
      this._told.textContent = this._texts("recordings.failed", { error: this._texts.error(error) });
    }
  }

  async _action(name, data) {
    try {
      return (await this._hass().callService(DOMAIN, name, data, undefined, false, true)).response;
    } catch (error) {
      this._told.textContent = this._texts("recordings.failed", { error: this._texts.error(error) });
      return undefined;
    }
  }
}
